"""The measures as formulas over `Ranked`, each of shape ``(q,)`` (see `eval.metrics.measures`)."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from eval.metrics.ranked import Floats, Ints, Ranked
from retriever.errors import InputError

__all__ = ["average_precision", "hit", "ndcg", "precision", "recall", "reciprocal_rank"]


def recall(ranked: Ranked, k: int) -> Floats:
    """Relevant items in the top k over relevant items in the pool."""
    _need_relevant(ranked, "recall@k")
    return np.asarray(ranked.total(_in_top(ranked, k)) / ranked.n_relevant)


def precision(ranked: Ranked, k: int) -> Floats:
    """Relevant items in the top k over k."""
    _refuse_mean(ranked, "P@k")
    return np.asarray(ranked.total(_in_top(ranked, k)) / k)


def hit(ranked: Ranked, k: int) -> Floats:
    """Whether any of the top k is relevant."""
    _refuse_mean(ranked, "Hit@k")
    first = _first(ranked)
    value = np.zeros(ranked.lists)
    if ranked.ties != "expected":
        value[ranked.query[first]] = _leading(ranked)[first] <= k
        return value
    start, size, inside = ranked.start[first], ranked.size[first], ranked.inside[first]
    # the top k take `slots` items of the first group that holds a relevant one, without replacement
    slots = np.clip(k - start, 0, size)
    miss = np.ones(len(first))
    for drawn in range(int(slots.max(initial=0))):
        left = np.maximum(size - drawn, 1)
        miss *= np.where(drawn < slots, np.maximum(size - inside - drawn, 0) / left, 1.0)
    value[ranked.query[first]] = 1.0 - miss
    return value


def reciprocal_rank(ranked: Ranked, cut: int | None = None) -> Floats:
    """One over the rank of the first relevant item, 0 when the list (or its top `cut`) holds none."""
    first = _first(ranked)
    value = np.zeros(ranked.lists)
    if ranked.ties == "expected":
        found = _expected_reciprocal(ranked.start[first], ranked.size[first], ranked.inside[first], cut)
    else:
        depth = (ranked.mean_rank if ranked.ties == "mean" else _leading(ranked))[first]
        found = np.where(depth <= (cut or np.inf), 1 / depth, 0.0)
    value[ranked.query[first]] = found
    return value


def _expected_reciprocal(start: Ints, size: Ints, inside: Ints, cut: int | None) -> Floats:
    """Mean of 1 / (start + J), J the place of the first of `inside` relevant among `size` shuffled items.

    P(J = 1) = inside / size, and P(J = j + 1) = P(J = j) (size - j - inside + 1) / (size - j).
    """
    total = np.zeros(len(start))
    probability = inside / size
    last = int((size - inside).max(initial=-1)) + 1
    for place in range(1, last + 1 if cut is None else min(last, cut) + 1):
        term = probability / (start + place)
        total += term if cut is None else np.where(start + place <= cut, term, 0.0)
        probability = probability * np.maximum(size - place - inside + 1, 0) / np.maximum(size - place, 1)
    return total


def average_precision(ranked: Ranked, cut: int | None = None) -> Floats:
    """Sum over positions of relevance times precision there, over relevant items in the pool."""
    _need_relevant(ranked, "average precision")
    if ranked.ties == "expected":
        terms = _expected_precisions(ranked, cut)
    else:
        if ranked.ties == "mean":
            found, depth = ranked.above + 1 + (ranked.inside - 1) / 2, ranked.mean_rank
        else:
            found, depth = np.asarray(ranked.above + ranked.order, float), np.asarray(ranked.position, float)
        terms = np.where(depth <= (cut or np.inf), found / depth, 0.0)
    return np.asarray(ranked.total(terms) / ranked.n_relevant)


def _expected_precisions(ranked: Ranked, cut: int | None) -> Floats:
    """Expected precision at the rank of each relevant item, 0 where that is beyond the cut.

    At the j-th of the ``size`` places of its group, which it takes with probability 1 / size, the other
    ``inside`` - 1 relevant items are spread evenly over the other places: 1 + above + (j - 1) c of them stand
    at or above it, c = (inside - 1) / (size - 1). Summed over j with h = sum of 1 / (start + j).
    """
    start, size = ranked.start, ranked.size
    reach = size if cut is None else np.clip(cut - start, 0, size)
    h = _steps(_HARMONIC, start, reach)
    share = (ranked.inside - 1) / np.maximum(size - 1, 1)
    return np.asarray(((ranked.above + 1) * h + share * (reach - (start + 1) * h)) / size, dtype=np.float64)


def ndcg(ranked: Ranked, cut: int | None = None) -> Floats:
    """Sum over positions of grade / log2(rank + 1), over the same sum for the best order of the pool."""
    _need_relevant(ranked, "nDCG")
    if ranked.ties == "expected":
        reach = ranked.size if cut is None else np.clip(cut - ranked.start, 0, ranked.size)
        discount = np.asarray(_steps(_DISCOUNT, ranked.start, reach) / ranked.size, dtype=np.float64)
    else:
        depth = ranked.mean_rank if ranked.ties == "mean" else np.asarray(ranked.position, float)
        discount = np.where(depth <= (cut or np.inf), 1 / np.log2(depth + 1), 0.0)
    return np.asarray(ranked.total(ranked.grade * discount) / _ideal(ranked, cut))


def _ideal(ranked: Ranked, cut: int | None) -> Floats:
    """The greatest possible sum, ``(q,)``."""
    if ranked.pool is not None:
        query, grade = ranked.pool
    elif (ranked.grade == 1).all():
        most = ranked.n_relevant if cut is None else np.minimum(ranked.n_relevant, cut)
        table = _table(_DISCOUNT, int(most.max(initial=0)))
        return np.asarray(table[most], dtype=np.float64)
    elif (ranked.n_relevant > np.bincount(ranked.query, minlength=ranked.lists)).any():
        raise InputError("nDCG needs the grades of all relevant items, and the lists hold only some of them")
    else:
        order = np.lexsort((-ranked.grade, ranked.query))
        query, grade = ranked.query[order], ranked.grade[order]
    depth = np.arange(len(query)) - np.searchsorted(query, query) + 1
    gain = np.where(depth <= (cut or np.inf), grade / np.log2(depth + 1), 0.0)
    return np.asarray(np.bincount(query, weights=gain, minlength=ranked.lists), dtype=np.float64)


def _first(ranked: Ranked) -> NDArray[np.intp]:
    """The best relevant item of each list that has one, as indices into the items."""
    return np.flatnonzero(np.diff(ranked.query, prepend=-1))


def _leading(ranked: Ranked) -> Ints:
    """Rank of the first relevant item of each item's group, under ``optimistic`` or ``pessimistic``."""
    return np.asarray(ranked.position - ranked.order + 1)


def _in_top(ranked: Ranked, k: int) -> Floats:
    """How probably each relevant item is among the top k, ``(m,)``."""
    if ranked.ties == "expected":
        return np.asarray(np.clip(k - ranked.start, 0, ranked.size) / ranked.size, dtype=np.float64)
    depth = ranked.mean_rank if ranked.ties == "mean" else ranked.position
    return (depth <= k).astype(np.float64)


_HARMONIC, _DISCOUNT = "1/i", "1/log2(i+1)"


def _steps(kind: str, start: Ints, reach: Ints) -> NDArray[np.longdouble]:
    """Sum of the terms start + 1 to start + reach, for each item."""
    end = start + reach
    table = _table(kind, int(end.max(initial=0)))
    return np.asarray(table[end] - table[start])


def _table(kind: str, n: int) -> NDArray[np.longdouble]:
    return _long_table(kind, 1 << max(10, n.bit_length()))


@lru_cache(maxsize=32)
def _long_table(kind: str, n: int) -> NDArray[np.longdouble]:
    """Sums of the first 0 to n terms; extended precision, since differences of them are wanted."""
    i = np.arange(1, n + 1, dtype=np.longdouble)
    terms = 1 / i if kind == _HARMONIC else 1 / np.log2(i + 1)
    return np.concatenate([np.zeros(1, np.longdouble), np.cumsum(terms)])


def _need_relevant(ranked: Ranked, what: str) -> None:
    if (ranked.n_relevant == 0).any():
        at = int(np.argmax(ranked.n_relevant == 0))
        raise InputError(
            f"list {at} has no relevant item, so its {what} is 0/0; leave such lists out and count them"
        )


def _refuse_mean(ranked: Ranked, what: str) -> None:
    if ranked.ties == "mean":
        raise InputError(f"{what} counts whole items and has no mean rank; use ties='expected'")
