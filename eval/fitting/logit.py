"""Conditional logit: weights of the scorers under which the golds are likeliest among their candidates.

With x_i the normalised scores of candidate i, P(gold) = exp(w . x_gold) / sum_i exp(w . x_i) (McFadden,
"Conditional logit analysis of qualitative choice behavior", 1973). The negative logarithm is convex in w, so
the best weights are found whatever the start; they are kept at 0 or above, because a scorer that is wrong on
purpose is one to leave out.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.fitting.designs import spreads
from eval.fitting.pools import Floats, Ints
from retriever.errors import ModelError
from retriever.extras import require

__all__ = ["RIDGE", "fit_weights", "log_loss", "minimise"]

RIDGE = 1e-4
"""Of the squared weights, in units of a scorer's spread: holds weights where the data say nothing."""


def fit_weights(
    values: Floats, mask: NDArray[np.bool_], gold: Ints, weight: Floats, ridge: float = RIDGE
) -> Floats:
    """Weights ``(s,)``, 0 or more, of the likeliest golds.

    Args:
        values: ``(q, n, s)``.
        mask: ``(q, n)``, which places are candidates.
        gold: ``(q,)``.
        weight: ``(q,)``, of the conversations, adding to 1.

    Raises:
        MissingExtra: without scipy.
        ModelError: the solver does not converge.
    """
    scale = spreads(values, mask)
    scaled = values / scale
    flat = scaled.reshape(-1, values.shape[2])

    def objective(w: Floats) -> tuple[float, Floats]:
        loss, slope = log_loss((flat @ w).reshape(mask.shape), mask, gold, weight)
        gradient = slope.ravel() @ flat
        return loss + 0.5 * ridge * float(w @ w), gradient + ridge * w

    found = minimise(objective, np.full(values.shape[2], 0.5), [(0.0, None)] * values.shape[2])
    return np.asarray(found / scale)


def log_loss(fused: Floats, mask: NDArray[np.bool_], gold: Ints, weight: Floats) -> tuple[float, Floats]:
    """Weighted negative log-likelihood of the golds, and its slope in `fused`; both in natural logarithms.

    Args:
        fused: ``(q, n)``.

    Returns:
        The loss, and ``(q, n)``: weight times (share - 1 at the gold).
    """
    shown = fused if mask.all() else np.where(mask, fused, -np.inf)
    shown = shown - shown.max(axis=1, keepdims=True)
    shares = np.exp(shown)
    total = shares.sum(axis=1, keepdims=True)
    shares /= total
    rows = np.arange(len(gold))
    loss = float(weight @ (np.log(total[:, 0]) - shown[rows, gold]))
    slope = shares * weight[:, None]
    slope[rows, gold] -= weight
    return loss, slope


def minimise(objective: Any, start: Floats, bounds: Any = None) -> Floats:
    """The minimum that L-BFGS-B finds from `start`; `objective` gives value and gradient.

    Raises:
        ModelError: it stopped without one.
    """
    optimise = require("scipy.optimize", "fuse", "fitting a fusion")
    result = optimise.minimize(objective, start, jac=True, method="L-BFGS-B", bounds=bounds,
                               options={"maxiter": 500, "ftol": 1e-10, "gtol": 1e-6})  # fmt: skip
    if not np.isfinite(result.fun) or not np.isfinite(result.x).all() or result.nit >= 500:
        raise ModelError(f"the weights of the fusion cannot be fitted ({result.message})")
    return np.asarray(result.x, dtype=np.float64)
