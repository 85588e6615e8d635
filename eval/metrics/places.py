"""How many items of a list stand above, and beside, some of them: the one costly step of measuring."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["count_above"]

# Below this length comparing with every item is quicker than sorting the list.
_SHORT = 64
# Comparisons done at once: what fits the cache.
_CELLS = 1 << 18


def count_above(
    scores: NDArray[np.float64], query: NDArray[Any], score: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Count, for items given by their list and score, the items above and those with the same score.

    Args:
        scores: ``(q, n)``, no NaN.
        query: ``(m,)``, the list of each item, ascending.
        score: ``(m,)``, the item's own score, which occurs in that list.

    Returns:
        Numbers of items strictly above and of equal ones (the item itself included), each ``(m,)``.
    """
    above = np.empty(len(query), dtype=np.int64)
    equal = np.empty(len(query), dtype=np.int64)
    n = scores.shape[1]
    if n <= _SHORT:
        step = max(1, _CELLS // n)
        for first in range(0, len(query), step):
            part = slice(first, first + step)
            # one column of all lists after the other: long vectors, where a list is short
            columns = np.ascontiguousarray(scores[query[part]].T)
            mine = score[part]
            higher = np.zeros(len(mine), dtype=np.int64)
            same = np.zeros(len(mine), dtype=np.int64)
            for column in columns:
                higher += column > mine
                same += column == mine
            above[part], equal[part] = higher, same
        return above, equal
    bounds = np.searchsorted(query, np.arange(len(scores) + 1))
    for row in np.flatnonzero(np.diff(bounds)):
        part = slice(int(bounds[row]), int(bounds[row + 1]))
        ascending = np.sort(scores[row])
        low = np.searchsorted(ascending, score[part], side="left")
        high = np.searchsorted(ascending, score[part], side="right")
        above[part], equal[part] = n - high, high - low
    return above, equal
