"""Samples as tensors: every distinct sticker of a batch once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainers.datasets.ranking import RankingSample, StickerImages
from trainers.ranking.table import candidate_table

__all__ = ["BaselineBatch", "make_batch"]


@dataclass(frozen=True, slots=True)
class BaselineBatch:
    """K conversations, N candidate slots each, D distinct stickers among them.

    Attributes:
        text: (K, ...) int64 by name, as the model reads conversations.
        pixels: (D, side, side, 3) uint8.
        rows: (D,) int64: the stickers' rows in the data; `BLANK` for an empty slot's picture.
        candidates: (K, N) int64 into D; -1 where a conversation has fewer candidates than another.
        gold: (K,) int64, the gold's place among the candidates.
        label: (D,) int64, each sticker's class, -1 where it has none.
    """

    text: dict[str, Tensor]
    pixels: Tensor
    rows: Tensor
    candidates: Tensor
    gold: Tensor
    label: Tensor


def make_batch(
    samples: Sequence[RankingSample],
    stickers: StickerImages,
    text: Mapping[str, NDArray[np.int64]],
    labels: NDArray[np.int64],
    golds_only: bool = False,
) -> BaselineBatch:
    """The batch of some samples.

    Args:
        text: their conversations, read.
        labels: (n,) of every row of `stickers`.
        golds_only: each sample's only candidate is its gold: for losses that contrast within the batch.
    """
    if golds_only:
        samples = [replace(sample, candidates=(sample.sticker,), gold=0) for sample in samples]
    table = candidate_table(samples, stickers)
    label = np.where(table.rows >= 0, labels[table.rows], -1)
    return BaselineBatch(
        text={name: torch.from_numpy(values) for name, values in text.items()},
        pixels=torch.from_numpy(stickers.pixels(table.rows)),
        rows=torch.from_numpy(table.rows),
        candidates=torch.from_numpy(table.candidates),
        gold=torch.from_numpy(table.gold),
        label=torch.from_numpy(label),
    )
