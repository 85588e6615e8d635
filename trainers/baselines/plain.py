"""Counting instead of training: a task whose one step learns nothing and whose checkpoint is the counts."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from retriever.errors import InputError
from retriever.labels import EMOTIONS
from retriever.rankers.baselines.plain import LabelField, PlainFamily, PlainRanker, label_of, save_plain
from retriever.types import Sticker
from trainers.datasets.ranking import RankingData, RankingSample, StickerImages
from trainers.ranking.config import BatchConfig
from trainers.ranking.task import RankingTask
from trainers.task import Shard

__all__ = ["PlainTask", "count"]


class PlainTask(RankingTask):
    """A `trainers.task.Task` for the families of `retriever.rankers.baselines.plain`.

    Args:
        family: which of them.
        field: the label that ``most_frequent`` counts; None takes the first of emotion, emoji and intention
            that any sticker that was sent has.
        seed: of the orders of ``random``.

    Raises:
        InputError: a split is empty, or no sticker that was sent has the label.
    """

    def __init__(
        self,
        family: PlainFamily,
        train: RankingData,
        valid: RankingData,
        config: BatchConfig,
        field: LabelField | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(train, valid, config, seed)
        self._module = _Nothing()
        sent = [sticker_at(train.stickers, train.stickers.row(sample.sticker)) for sample in train.samples]
        self.ranker = count(family, sent, field, seed)

    @property
    def module(self) -> nn.Module:
        """One number that nothing depends on: the loop wants something to move."""
        return self._module

    @property
    def weights(self) -> Mapping[str, float]:
        """Of the one term, which is 0."""
        return {"nothing": 1.0}

    def steps(self, shard: Shard) -> int:
        """One."""
        return 1

    def batches(self, epoch: int, start: int, shard: Shard) -> Iterator[dict[str, Tensor]]:
        """One, with nothing in it."""
        yield from [self.batch([])][start:]

    def batch(self, samples: Sequence[RankingSample]) -> dict[str, Tensor]:
        """Nothing."""
        return {}

    def score(self, samples: Sequence[RankingSample]) -> list[NDArray[np.float64]]:
        """Each validation sample's scores of its candidates; an empty slot was never sent."""
        stickers = self.valid.stickers
        found = []
        for sample in samples:
            candidates = [sticker_at(stickers, int(row)) for row in stickers.rows(sample.candidates)]
            found.append(self.ranker.score(sample.conversation, self.ranker.encode_stickers(candidates)))
        return found

    def save(self, folder: Path, metrics: Mapping[str, float]) -> None:
        """Write a checkpoint that `retriever.rankers.load_ranker` opens."""
        save_plain(folder, self.ranker, {"metrics": dict(metrics)})


def count(
    family: PlainFamily, sent: Sequence[Sticker], field: LabelField | None = None, seed: int = 0
) -> PlainRanker:
    """The ranker that the stickers sent in training make.

    Raises:
        InputError: ``most_frequent``, and none of them has the label.
    """
    if family == "random":
        return PlainRanker(family, seed=seed)
    if family == "popularity":
        return PlainRanker(family, Counter(sticker.sha256 for sticker in sent), seed=seed)
    for name in (field,) if field else get_args(LabelField):
        labels = Counter(label for sticker in sent if (label := label_of(sticker, name)))
        if labels:
            return PlainRanker(family, labels, name, seed)
    raise InputError(
        f"none of the {len(sent)} stickers sent has {f'the label {field!r}' if field else 'a label'}; "
        "most_frequent needs packs with labels, popularity does not"
    )


def sticker_at(stickers: StickerImages, row: int) -> Sticker:
    """What is known of a row; of `BLANK` nothing."""
    if row < 0:
        return Sticker("", "", "", "")
    said = stickers.said[row] if stickers.said else None
    emotion = int(stickers.emotion[row])
    return Sticker(
        stickers.ids[row],
        "",
        stickers.sha256[row],
        "",
        emoji=said.emoji if said else None,
        emotion=EMOTIONS[emotion] if emotion >= 0 else None,
        intention=said.intention if said else None,
    )


class _Nothing(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.number = nn.Parameter(torch.zeros(()))

    def forward(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        return {"nothing": self.number * 0}
