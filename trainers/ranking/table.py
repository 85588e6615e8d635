"""The candidates of a batch: every distinct sticker once, whatever how many conversations list it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainers.datasets.ranking import RankingSample, StickerImages

__all__ = ["NO_SLOT", "CandidateTable", "candidate_table"]

NO_SLOT = -1


@dataclass(frozen=True, slots=True)
class CandidateTable:
    """K conversations, N candidate slots each, D distinct stickers among them.

    Attributes:
        rows: (D,) int64: the stickers' rows in the data; `BLANK` for an empty slot's picture.
        candidates: (K, N) int64 into D; `NO_SLOT` where a conversation has fewer candidates than another.
        gold: (K,) int64, the gold's place among the candidates.
    """

    rows: NDArray[np.int64]
    candidates: NDArray[np.int64]
    gold: NDArray[np.int64]


def candidate_table(samples: Sequence[RankingSample], stickers: StickerImages) -> CandidateTable:
    """The table of some samples, each with its candidates.

    Raises:
        InputError: a candidate is no sticker of the data.
    """
    n_slots = max(len(sample.candidates) for sample in samples)
    slots = np.full((len(samples), n_slots), NO_SLOT, np.int64)
    taken = np.zeros(slots.shape, bool)
    for at, sample in enumerate(samples):
        slots[at, : len(sample.candidates)] = stickers.rows(sample.candidates)
        taken[at, : len(sample.candidates)] = True
    rows, inverse = np.unique(slots[taken], return_inverse=True)
    candidates = np.full(slots.shape, NO_SLOT, np.int64)
    candidates[taken] = inverse.reshape(-1)
    return CandidateTable(rows, candidates, np.array([sample.gold for sample in samples], np.int64))
