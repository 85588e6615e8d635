"""Whether to send a sticker at all: how sure the fused scores are, as a calibrated probability."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import ConfigDict, Field

from retriever.errors import InputError
from retriever.fusion.normalise import checked, is_constant

__all__ = ["EVIDENCE", "Decider", "Decision", "evidence"]

EVIDENCE = ("top", "margin", "share", "entropy")
"""What is looked at in the fused scores of all candidates, in order: the best over their mean; the best over
the second; the logarithm of the best one's share of their softmax; the entropy of that softmax in units of
its greatest, in [0, 1]."""

Finite = Annotated[float, Field(allow_inf_nan=False)]
Above0 = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]


def evidence(fused: ArrayLike) -> NDArray[np.float64]:
    """How clearly fused scores ``(n,)`` favour their best, as ``(len(EVIDENCE),)``.

    Unchanged when a number is added to all scores. No candidates, or all alike: no evidence at all, with
    entropy 1.

    Raises:
        InputError: scores that are not finite.
    """
    scores = checked(fused)
    if scores.size == 0 or (scores.size > 1 and is_constant(scores)):
        return np.array([0.0, 0.0, -np.log(max(scores.size, 1)), 1.0])
    if scores.size == 1:
        return np.array([0.0, 0.0, 0.0, 0.0])
    second, best = np.partition(scores, scores.size - 2)[-2:]
    logs = scores - best
    logs = logs - np.log(np.exp(logs).sum())
    entropy = -(np.exp(logs) @ logs) / np.log(scores.size)
    return np.array([best - scores.mean(), best - second, logs.max(), min(max(entropy, 0.0), 1.0)])


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether to send.

    Attributes:
        send: whether `p` reaches `threshold`.
        p: the probability that the best pick is right, in [0, 1].
        threshold: in [0, 1], or above 1 where nothing is ever sure enough.
    """

    send: bool
    p: float
    threshold: float


@dataclass(frozen=True, slots=True)
class Decider:
    """Evidence and traits to a probability: a logistic function (Platt), then maybe isotonic steps.

    Platt, "Probabilistic outputs for support vector machines", 1999, on several features; Zadrozny and Elkan,
    "Transforming classifier scores into accurate multiclass probability estimates", KDD 2002.

    Attributes:
        mean, spread, slopes: of each number of evidence, then of each trait.
        bias: of the logistic function.
        threshold: from which probability on to send.
        rule: how the threshold came about, for people.
        knots: probabilities before the isotonic step, ascending; empty without one.
        steps: probabilities after it, ascending, one a knot; linear in between.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    mean: tuple[Finite, ...]
    spread: tuple[Above0, ...]
    slopes: tuple[Finite, ...]
    bias: Finite
    threshold: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    rule: str = ""
    knots: tuple[Share, ...] = ()
    steps: tuple[Share, ...] = ()

    def __post_init__(self) -> None:
        if not len(self.mean) == len(self.spread) == len(self.slopes):
            raise InputError("a decision needs as many means and spreads as slopes")
        if len(self.knots) != len(self.steps) or any(
            low > high for row in (self.knots, self.steps) for low, high in pairwise(row)
        ):
            raise InputError("a decision needs as many steps as knots, both ascending")

    def probability(self, features: ArrayLike) -> NDArray[np.float64]:
        """Probabilities ``(q,)`` in [0, 1] for features ``(q, len(slopes))``: evidence, then traits.

        Raises:
            InputError: another number of features.
        """
        given = np.atleast_2d(np.asarray(features, dtype=np.float64))
        if given.shape[1] != len(self.slopes):
            raise InputError(f"got {given.shape[1]} features; this decision reads {len(self.slopes)}")
        known = (given - np.array(self.mean)) / np.array(self.spread)
        p = 0.5 * (1 + np.tanh(0.5 * (known @ np.array(self.slopes) + self.bias)))
        return np.asarray(np.interp(p, self.knots, self.steps) if self.knots else p)

    def decide(self, fused: ArrayLike, traits: NDArray[np.float64]) -> Decision:
        """The decision about the best of `fused` (n,) in a conversation with these `traits`."""
        p = float(self.probability(np.concatenate([evidence(fused), traits]))[0])
        return Decision(p >= self.threshold, p, self.threshold)
