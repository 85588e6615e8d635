"""One order out of several scorers' scores: pure functions, scores in, scores out.

Normalising and combining are chosen separately. Nothing here knows a sticker or a scorer, inputs stay as
they were, and the fused scores of one answer compare with each other only. Higher is better throughout.

A scorer that gave everybody the same score has no opinion: it is left out, so it cannot move anything, not
even by rounding.
"""

from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from retriever.errors import InputError

__all__ = [
    "METHODS",
    "NORMALISATIONS",
    "fuse",
    "mean_ranks",
    "minmax",
    "rank",
    "register",
    "rrf",
    "softmax",
    "weighted",
    "zscore",
]

Scores = NDArray[np.float64]
Normalisation = Callable[[ArrayLike], Scores]


class Method(Protocol):
    """How scores of several scorers become one: named arrays of shape ``(n,)`` to one of shape ``(n,)``."""

    def __call__(
        self, scores: Mapping[str, ArrayLike], *, weights: Mapping[str, float] | None = None, **options: Any
    ) -> Scores: ...


METHODS: dict[str, Method] = {}
"""Fusion methods by name; `register` adds one."""


def register(name: str) -> Callable[[Callable[..., Scores]], Callable[..., Scores]]:
    """A decorator that makes a function a fusion method under `name`.

    Raises:
        InputError: the name is taken.
    """

    def add(method: Callable[..., Scores]) -> Callable[..., Scores]:
        if name in METHODS:
            raise InputError(f"there is a fusion method {name!r} already; choose another name")
        METHODS[name] = method
        return method

    return add


def fuse(
    scores: Mapping[str, ArrayLike],
    method: str = "rrf",
    *,
    weights: Mapping[str, float] | None = None,
    **options: Any,
) -> Scores:
    """Fuse scores by a method chosen by name.

    Args:
        scores: by scorer name, each of shape ``(n,)`` with any finite numbers; `n` may be 0.
        method: one of `METHODS`.
        weights: by scorer name, 0 or more, 1 where not given.
        options: the method's own, such as ``k`` of `rrf` or ``normalisation`` of `weighted`.

    Returns:
        Shape ``(n,)``; the scale depends on the method.

    Raises:
        InputError: an unknown method, no scorer, unequal lengths, a NaN or infinite score, a weight that is
            negative, not finite or for an unknown scorer, or no weight above 0.
    """
    if method not in METHODS:
        raise InputError(f"no fusion method {method!r}; there are {', '.join(METHODS)}")
    return METHODS[method](scores, weights=weights, **options)


@register("rrf")
def rrf(
    scores: Mapping[str, ArrayLike], *, weights: Mapping[str, float] | None = None, k: float = 60.0
) -> Scores:
    """Reciprocal rank fusion: the weighted sum of ``1 / (k + rank)`` (Cormack, Clarke and Buettcher, SIGIR
    2009).

    Ties share their mean rank. Depends on the order within each scorer alone, so any increasing
    transformation of a scorer's scores changes nothing, and raising one score never lowers its owner's place.

    Args:
        scores, weights: as for `fuse`.
        k: 0 or more; the larger, the less the first places stand out.

    Raises:
        InputError: as for `fuse`, or a negative `k`.
    """
    if not (isfinite(k) and k >= 0):
        raise InputError(f"k of rrf is {k}; expected a number of 0 or more")
    return _combine(scores, weights, lambda values: 1.0 / (k + mean_ranks(values)))


@register("weighted")
def weighted(
    scores: Mapping[str, ArrayLike],
    *,
    weights: Mapping[str, float] | None = None,
    normalisation: str | Normalisation = "minmax",
) -> Scores:
    """The weighted sum of normalised scores (CombSUM; Fox and Shaw, TREC-2).

    With `minmax`, `zscore` and `rank` a scorer's scores may be shifted and multiplied by a positive number
    without changing the result; with `softmax` only shifted.

    Args:
        scores, weights: as for `fuse`.
        normalisation: one of `NORMALISATIONS`, or any function of its kind, e.g. ``partial(softmax,
            temperature=0.1)``.

    Raises:
        InputError: as for `fuse`, or an unknown normalisation.
    """
    if isinstance(normalisation, str):
        if normalisation not in NORMALISATIONS:
            raise InputError(f"no normalisation {normalisation!r}; there are {', '.join(NORMALISATIONS)}")
        normalisation = NORMALISATIONS[normalisation]
    return _combine(scores, weights, normalisation)


def minmax(values: ArrayLike) -> Scores:
    """Scores moved into [0, 1], the best at 1 and the worst at 0; all 0 where they are equal."""
    scores = _checked(values)
    if _is_constant(scores):
        return np.zeros_like(scores)
    low, high = scores.min(), scores.max()
    if not isfinite(float(high) - float(low)):  # wider than a float holds: shrink first
        scores, low, high = scores / 4, low / 4, high / 4
    return np.asarray((scores - low) / (high - low))


def zscore(values: ArrayLike) -> Scores:
    """Scores with mean 0 and (population) standard deviation 1; all 0 where they are equal."""
    scores = minmax(values)  # the same z-scores, and no square can overflow
    if _is_constant(scores):
        return np.zeros_like(scores)
    return np.asarray((scores - scores.mean()) / scores.std())


def rank(values: ArrayLike) -> Scores:
    """Places spread evenly over [0, 1], the best at 1; ties share their mean; all 0 where all are equal."""
    scores = _checked(values)
    if _is_constant(scores):
        return np.zeros_like(scores)
    return np.asarray((len(scores) - mean_ranks(scores)) / (len(scores) - 1))


def softmax(values: ArrayLike, temperature: float = 1.0) -> Scores:
    """Scores as probabilities, ``exp(score / temperature)`` over its sum; 1 / n each where they are equal.

    Raises:
        InputError: a temperature that is not above 0, or scores that are not finite.
    """
    if not (isfinite(temperature) and temperature > 0):
        raise InputError(f"the temperature is {temperature}; expected a number above 0")
    scores = _checked(values)
    if scores.size == 0:
        return scores
    with np.errstate(over="ignore"):  # a gap too wide to divide is -inf, whose share is 0
        shares = np.exp((scores - scores.max()) / temperature)
    return np.asarray(shares / shares.sum())


NORMALISATIONS: dict[str, Normalisation] = {
    "minmax": minmax,
    "zscore": zscore,
    "rank": rank,
    "softmax": softmax,
}
"""Normalisations by name; each takes and returns shape ``(n,)``."""


def mean_ranks(values: ArrayLike) -> Scores:
    """Rank 1 for the highest score; equal scores share the mean of their ranks: 1, 2.5, 2.5, 4."""
    scores = _checked(values)
    _, group, sizes = np.unique(-scores, return_inverse=True, return_counts=True)
    last = np.cumsum(sizes)
    return np.asarray((last - (sizes - 1) / 2)[group])


def _combine(
    scores: Mapping[str, ArrayLike], weights: Mapping[str, float] | None, normalise: Normalisation
) -> Scores:
    """The weighted sum of the normalised scores of every scorer that has an opinion, in order of name."""
    if not scores:
        raise InputError("nothing to fuse: give the scores of at least one scorer")
    arrays = {name: _checked(scores[name], name) for name in sorted(scores)}
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        found = ", ".join(f"{name}: {length}" for name, length in lengths.items())
        raise InputError(
            f"scorers scored different numbers of stickers ({found}); expected the same candidates"
        )
    shares = _weights(arrays, weights or {})
    total = np.zeros(next(iter(lengths.values())))
    for name, array in arrays.items():
        if shares[name] > 0 and not _is_constant(array):
            total += shares[name] * normalise(array)
    return total


def _weights(names: Mapping[str, Scores], given: Mapping[str, float]) -> dict[str, float]:
    unknown = sorted(set(given) - set(names))
    if unknown:
        raise InputError(f"a weight for {unknown[0]!r}, which scored nothing; there are {', '.join(names)}")
    weights = {name: float(given.get(name, 1.0)) for name in names}
    for name, weight in weights.items():
        if not (isfinite(weight) and weight >= 0):
            raise InputError(f"the weight of {name!r} is {weight}; expected a number of 0 or more")
    if not any(weights.values()):
        raise InputError("every weight is 0; at least one scorer must count")
    return weights


def _checked(values: ArrayLike, name: str = "") -> Scores:
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


def _is_constant(scores: Scores) -> bool:
    return scores.size == 0 or bool((scores == scores[0]).all())
