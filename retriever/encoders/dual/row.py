"""A text or conversation as token ids: the first ids of every vocabulary, and what a row says."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["ADD", "CLS", "DOC", "MARKERS", "ME", "MODES", "REPLY", "SEP", "UNK", "YOU", "Row", "TokenBatch",
           "mode_of", "pad", "shortened"]  # fmt: skip

MARKERS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[ME]", "[YOU]", "[REPLY]", "[ADD]", "[DOC]")
"""The first ids of the vocabulary, in this order."""

PAD, UNK, CLS, SEP, MASK, ME, YOU, REPLY, ADD, DOC = range(len(MARKERS))

MODES = (REPLY, ADD, DOC)
"""What a row can be: a message to answer, one's own to add to, a sticker's document."""


class Row(NamedTuple):
    """One text or conversation.

    Attributes:
        ids: of its tokens.
        start, stop: which of them the pooled vector is the mean of, ``ids[start:stop]``; never none.
        mode: one of `MODES`.
    """

    ids: list[int]
    start: int
    stop: int
    mode: int


@dataclass(frozen=True, slots=True)
class TokenBatch:
    """Padded rows for one run of the text tower.

    Attributes:
        ids: (n, t) int64.
        mask: (n, t) int64, 1 where a token is.
        pool: (n, t) float32, what each token weighs in the pooled vector; every row sums to 1.
    """

    ids: NDArray[np.int64]
    mask: NDArray[np.int64]
    pool: NDArray[np.float32]


def pad(rows: Iterable[Row]) -> TokenBatch:
    """Rows of different lengths as one batch."""
    listed = list(rows)
    shape = (len(listed), max(len(row.ids) for row in listed))
    ids, mask = np.full(shape, PAD, np.int64), np.zeros(shape, np.int64)
    pool = np.zeros(shape, np.float32)
    for number, row in enumerate(listed):
        ids[number, : len(row.ids)] = row.ids
        mask[number, : len(row.ids)] = 1
        pool[number, row.start : row.stop] = 1 / (row.stop - row.start)
    return TokenBatch(ids, mask, pool)


def mode_of(rows: Sequence[Row]) -> NDArray[np.float32]:
    """(n, 3) which of `MODES` each row is: 1 there, 0 elsewhere."""
    shares = [[row.mode == mode for mode in MODES] for row in rows]
    return np.array(shares, np.float32).reshape(-1, len(MODES))


def shortened(row: Row, longest: int) -> Row:
    """A document's row of `longest` tokens at most: its end goes, but for the last marker."""
    too_many = len(row.ids) - longest
    if too_many <= 0:
        return row
    return row._replace(ids=[*row.ids[: longest - 1], row.ids[-1]], stop=row.stop - too_many)
