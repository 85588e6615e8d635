"""Scores of different scales on one: functions from shape ``(n,)`` to shape ``(n,)``, higher is better."""

from collections.abc import Callable
from math import isfinite

import numpy as np
from numpy.typing import ArrayLike, NDArray

from retriever.errors import InputError

__all__ = ["NORMALISATIONS", "Normalisation", "mean_ranks", "minmax", "none", "rank", "softmax", "zscore"]

Scores = NDArray[np.float64]
Normalisation = Callable[[ArrayLike], Scores]


def minmax(values: ArrayLike) -> Scores:
    """Scores moved into [0, 1], the best at 1 and the worst at 0; all 0 where they are equal."""
    scores = checked(values)
    if is_constant(scores):
        return np.zeros_like(scores)
    low, high = scores.min(), scores.max()
    if not isfinite(float(high) - float(low)):  # wider than a float holds: shrink first
        scores, low, high = scores / 4, low / 4, high / 4
    return np.asarray((scores - low) / (high - low))


def zscore(values: ArrayLike) -> Scores:
    """Scores with mean 0 and (population) standard deviation 1; all 0 where they are equal."""
    scores = minmax(values)  # the same z-scores, and no square can overflow
    if is_constant(scores):
        return np.zeros_like(scores)
    return np.asarray((scores - scores.mean()) / scores.std())


def rank(values: ArrayLike) -> Scores:
    """Places spread evenly over [0, 1], the best at 1; ties share their mean; all 0 where all are equal."""
    scores = checked(values)
    if is_constant(scores):
        return np.zeros_like(scores)
    return np.asarray((len(scores) - mean_ranks(scores)) / (len(scores) - 1))


def softmax(values: ArrayLike, temperature: float = 1.0) -> Scores:
    """Scores as probabilities, ``exp(score / temperature)`` over its sum; 1 / n each where they are equal.

    Raises:
        InputError: a temperature that is not above 0, or scores that are not finite.
    """
    if not (isfinite(temperature) and temperature > 0):
        raise InputError(f"the temperature is {temperature}; expected a number above 0")
    scores = checked(values)
    if scores.size == 0:
        return scores
    with np.errstate(over="ignore"):  # a gap too wide to divide is -inf, whose share is 0
        shares = np.exp((scores - scores.max()) / temperature)
    return np.asarray(shares / shares.sum())


def none(values: ArrayLike) -> Scores:
    """Scores as they are: for weights that were fitted to the scorers' own scales."""
    return checked(values)


NORMALISATIONS: dict[str, Normalisation] = {
    "none": none,
    "minmax": minmax,
    "zscore": zscore,
    "rank": rank,
    "softmax": softmax,
}
"""Normalisations by name; each takes and returns shape ``(n,)``."""


def mean_ranks(values: ArrayLike) -> Scores:
    """Rank 1 for the highest score; equal scores share the mean of their ranks: 1, 2.5, 2.5, 4."""
    scores = checked(values)
    _, group, sizes = np.unique(-scores, return_inverse=True, return_counts=True)
    last = np.cumsum(sizes)
    return np.asarray((last - (sizes - 1) / 2)[group])


def checked(values: ArrayLike, name: str = "") -> Scores:
    """A float64 copy of shape ``(n,)``; InputError, naming the scorer, for anything but finite numbers."""
    of = f" of {name!r}" if name else ""
    scores = np.asarray(values)
    if scores.ndim != 1 or (scores.size and scores.dtype.kind not in "fiu"):
        raise InputError(
            f"the scores{of} have shape {scores.shape} and type {scores.dtype}; expected (n,) numbers"
        )
    scores = scores.astype(np.float64)
    bad = np.flatnonzero(~np.isfinite(scores))
    if bad.size:
        raise InputError(f"score {bad[0]}{of} is {scores[bad[0]]}; expected finite numbers")
    return scores


def is_constant(scores: Scores) -> bool:
    """Whether all scores are equal, as they are where there is none."""
    return scores.size == 0 or bool((scores == scores[0]).all())
