"""A gated combiner: the scorers' shares follow a few traits of the conversation.

The weight of scorer s in conversation q is ``exp(b) softmax_s(bias_s + slopes_s . f_q)``: one strength for
all, and shares moved by language, length, number of utterances and mode. Fitted like the conditional logit,
started at its weights, with a penalty on every slope so that a trait without effect has none.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eval.fitting.designs import spreads
from eval.fitting.logit import RIDGE, fit_weights, log_loss, minimise
from eval.fitting.pools import Floats, Ints

__all__ = ["SLOPE_RIDGE", "FittedGate", "fit_gate"]

SLOPE_RIDGE = 3e-3
"""Of the squared slopes, with traits in standard deviations."""


@dataclass(frozen=True)
class FittedGate:
    """Attributes: those of `retriever.fusion.fitted.Gate`, as arrays, and the weights that shares multiply.

    Attributes:
        weights: ``(s,)``.
        bias: ``(s,)``.
        slopes: ``(s, t)``.
        mean, spread: ``(t,)``.
    """

    weights: Floats
    bias: Floats
    slopes: Floats
    mean: Floats
    spread: Floats

    def weights_of(self, traits: Floats) -> Floats:
        """``(q, s)`` for traits ``(q, t)``."""
        return self.weights * _softmax(self.bias + (traits - self.mean) / self.spread @ self.slopes.T)


def fit_gate(
    values: Floats,
    mask: NDArray[np.bool_],
    gold: Ints,
    weight: Floats,
    traits: Floats,
    ridge: float = SLOPE_RIDGE,
) -> FittedGate:
    """Strength, biases and slopes of the likeliest golds.

    Args:
        values, mask, gold, weight: as for `eval.fitting.logit.fit_weights`.
        traits: ``(q, t)``.

    Raises:
        MissingExtra, ModelError: as there.
    """
    scale = spreads(values, mask)
    scaled = values / scale
    mean = weight @ traits
    spread = np.sqrt(weight @ (traits - mean) ** 2)
    spread = np.where(spread > 1e-6, spread, 1.0)
    known = (traits - mean) / spread
    s, t = values.shape[2], traits.shape[1]
    linear = np.maximum(fit_weights(scaled, mask, gold, weight, RIDGE), 1e-2)

    def objective(x: Floats) -> tuple[float, Floats]:
        strength, bias, slopes = np.exp(x[0]), x[1 : 1 + s], x[1 + s :].reshape(s, t)
        shares = _softmax(bias + known @ slopes.T)
        weights = strength * shares
        loss, slope = log_loss((scaled @ weights[:, :, None])[:, :, 0], mask, gold, weight)
        by_weight = (slope[:, None, :] @ scaled)[:, 0, :]
        by_score = weights * (by_weight - (by_weight * shares).sum(axis=1, keepdims=True))
        gradient = np.concatenate(
            [
                [float((by_weight * weights).sum())],
                by_score.sum(axis=0) + RIDGE * bias,
                (by_score.T @ known + ridge * slopes).ravel(),
            ]
        )
        penalty = 0.5 * RIDGE * float(bias @ bias) + 0.5 * ridge * float((slopes**2).sum())
        return loss + penalty, gradient

    start = np.concatenate([[np.log(linear.sum())], np.log(linear / linear.sum()), np.zeros(s * t)])
    found = minimise(objective, start)
    return FittedGate(np.exp(found[0]) / scale, found[1 : 1 + s], found[1 + s :].reshape(s, t), mean, spread)


def _softmax(scores: Floats) -> Floats:
    shares = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))
