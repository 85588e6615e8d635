"""Rows of tokens in runs of similar length: one pass of a model each, with little padding."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["runs_of_similar_length"]

_WORTH = 24
"""Padded tokens that cost as much as another run, whatever is in it: int8 weights are turned into numbers
once a run. Measured on a tower of six layers, 384 wide, on a CPU: 13 ms a run, and 0.56 ms a token."""


def runs_of_similar_length(
    lengths: Sequence[int], most_rows: int, most_tokens: int
) -> Iterator[NDArray[np.intp]]:
    """Indices of the rows of each run, longest rows first, so that memory peaks at once.

    A run ends before its padding costs more than another run would, or where it is full.

    Args:
        lengths: tokens of every row, at least 1.
        most_rows: in one run, at least 1.
        most_tokens: in one run, padding counted, unless a single row is longer.
    """
    given = np.asarray(lengths, dtype=np.int64)
    order = np.argsort(-given, kind="stable")
    start = 0
    while start < len(order):
        longest = int(given[order[start]])
        size = min(most_rows, max(1, most_tokens // longest))
        padding = np.cumsum(longest - given[order[start : start + size]])
        size = int(np.searchsorted(padding, _WORTH, side="right"))
        yield order[start : start + size]
        start += size
