"""Combining the scores of several scorers: reciprocal ranks or weighted sums, chosen by name."""

from collections.abc import Callable, Mapping
from inspect import signature
from math import isfinite
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike

from retriever.errors import InputError
from retriever.fusion.default import METHOD
from retriever.fusion.normalise import (
    NORMALISATIONS,
    Normalisation,
    Scores,
    checked,
    is_constant,
    mean_ranks,
)

__all__ = ["METHODS", "Method", "fuse", "parts", "register", "rrf", "weighted"]


class Method(Protocol):
    """How scores of several scorers become one: named arrays of shape ``(n,)`` to one of shape ``(n,)``."""

    def __call__(
        self, scores: Mapping[str, ArrayLike], *, weights: Mapping[str, float] | None = None, **options: Any
    ) -> Scores: ...


Choice = str | Normalisation | Mapping[str, Normalisation]
"""A normalisation by name, as a function, or one a scorer."""

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
    method: str = METHOD,
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
        InputError: an unknown method or option, no scorer, unequal lengths, a NaN or infinite score, a
            weight that is negative, not finite or for an unknown scorer, or no weight above 0.
    """
    if method not in METHODS:
        raise InputError(f"no fusion method {method!r}; there are {', '.join(METHODS)}")
    known = [name for name in signature(METHODS[method]).parameters if name not in ("scores", "weights")]
    for name in options:
        if name not in known:
            raise InputError(f"no option {name!r} of fusion method {method!r}; there are {', '.join(known)}")
    return METHODS[method](scores, weights=weights, **options)


@register("rrf")
def rrf(
    scores: Mapping[str, ArrayLike], *, weights: Mapping[str, float] | None = None, k: float = 60.0
) -> Scores:
    """Reciprocal rank fusion: the weighted sum of ``1 / (k + rank)``.

    From Cormack, Clarke and Buettcher, SIGIR 2009, where k is 60. Ties share their mean rank. Depends on
    the order within each scorer alone, so any increasing transformation of a scorer's scores changes
    nothing, and raising one score never lowers its owner's place.

    Args:
        scores, weights: as for `fuse`.
        k: 0 or more; the larger, the less the first places stand out.

    Raises:
        InputError: as for `fuse`, or a negative `k`.
    """
    return _sum(_rrf_parts(scores, weights, k))


@register("weighted")
def weighted(
    scores: Mapping[str, ArrayLike],
    *,
    weights: Mapping[str, float] | None = None,
    normalisation: Choice = "minmax",
) -> Scores:
    """The weighted sum of normalised scores (CombSUM; Fox and Shaw, TREC-2).

    With `minmax`, `zscore` and `rank` a scorer's scores may be shifted and multiplied by a positive number
    without changing the result; with `softmax` and `none` only shifted.

    Args:
        scores, weights: as for `fuse`.
        normalisation: one of `NORMALISATIONS`, or any function of its kind, such as
            ``partial(softmax, temperature=0.1)``; or a mapping that names one for every scorer.

    Raises:
        InputError: as for `fuse`, or an unknown normalisation.
    """
    return _sum(_weighted_parts(scores, weights, normalisation))


def parts(
    scores: Mapping[str, ArrayLike],
    method: str = METHOD,
    *,
    weights: Mapping[str, float] | None = None,
    **options: Any,
) -> dict[str, Scores]:
    """What each scorer adds to the fused scores: by scorer name, each ``(n,)``; their sum is `fuse`.

    Scorers without weight or opinion add 0. Empty for methods that are no sum over scorers.

    Args:
        scores, method, weights, options: as for `fuse`.

    Raises:
        InputError: as for `fuse`.
    """
    if method == "rrf":
        return _rrf_parts(scores, weights, **options)
    return _weighted_parts(scores, weights, **options) if method == "weighted" else {}


def _rrf_parts(
    scores: Mapping[str, ArrayLike], weights: Mapping[str, float] | None, k: float = 60.0
) -> dict[str, Scores]:
    if not (isfinite(k) and k >= 0):
        raise InputError(f"k of rrf is {k}; expected a number of 0 or more")
    return _parts(scores, weights, dict.fromkeys(scores, lambda values: 1.0 / (k + mean_ranks(values))))


def _weighted_parts(
    scores: Mapping[str, ArrayLike], weights: Mapping[str, float] | None, normalisation: Choice = "minmax"
) -> dict[str, Scores]:
    if isinstance(normalisation, str):
        if normalisation not in NORMALISATIONS:
            raise InputError(f"no normalisation {normalisation!r}; there are {', '.join(NORMALISATIONS)}")
        normalisation = NORMALISATIONS[normalisation]
    if not isinstance(normalisation, Mapping):
        normalisation = dict.fromkeys(scores, normalisation)
    if missing := sorted(scores.keys() - normalisation.keys()):
        raise InputError(f"no normalisation for {missing[0]!r}; give one for every scorer")
    return _parts(scores, weights, normalisation)


def _sum(added: Mapping[str, Scores]) -> Scores:
    total = np.zeros(len(next(iter(added.values()))))
    for part in added.values():
        total += part
    return total


def _parts(
    scores: Mapping[str, ArrayLike],
    weights: Mapping[str, float] | None,
    normalise: Mapping[str, Normalisation],
) -> dict[str, Scores]:
    """The weighted normalised scores of every scorer, 0 for one without opinion, in order of name."""
    if not scores:
        raise InputError("nothing to fuse: give the scores of at least one scorer")
    arrays = {name: checked(scores[name], name) for name in sorted(scores)}
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        found = ", ".join(f"{name}: {length}" for name, length in lengths.items())
        raise InputError(
            f"scorers scored different numbers of stickers ({found}); expected the same candidates"
        )
    shares = _weights(arrays, weights or {})
    return {
        name: shares[name] * normalise[name](array)
        if shares[name] > 0 and not is_constant(array)
        else np.zeros_like(array)
        for name, array in arrays.items()
    }


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
