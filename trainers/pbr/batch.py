"""Samples as tensors: every distinct sticker of a batch once."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from retriever.rankers.parts.tokens import ConversationTokens
from trainers.datasets.ranking import RankingSample, StickerImages, TeacherOutputs
from trainers.polarity import conversation_polarity
from trainers.ranking.table import candidate_table

__all__ = ["PBRBatch", "make_batch"]


@dataclass(frozen=True, slots=True)
class PBRBatch:
    """K conversations, N candidate slots each, D distinct stickers among them.

    Attributes:
        ids, mask: (K, T) int64 tokens and which of them are some.
        pixels: (D, side, side, 3) uint8.
        rows: (D,) int64: the stickers' rows in the data; `BLANK` for an empty slot's picture.
        topic: (D,) int64, -1 for `BLANK`.
        candidates: (K, N) int64 into D; -1 where a conversation has fewer candidates than another.
        gold: (K,) int64, the gold's place among the candidates.
        polarity: (K, 2) float32, positive and negative; zeros where nothing asks for it.
        anchors: (D, 7M) float32, f E^T of the teacher, or None.
        logits: (D, 7) float32 of the teacher, or None.
        features: (D, f) float32 of the teacher, or None.
    """

    ids: Tensor
    mask: Tensor
    pixels: Tensor
    rows: Tensor
    topic: Tensor
    candidates: Tensor
    gold: Tensor
    polarity: Tensor
    anchors: Tensor | None = None
    logits: Tensor | None = None
    features: Tensor | None = None


def make_batch(
    samples: Sequence[RankingSample],
    stickers: StickerImages,
    tokens: ConversationTokens,
    teacher: TeacherOutputs | None = None,
    with_polarity: bool = True,
) -> PBRBatch:
    """The batch of some samples, each with its candidates.

    Args:
        teacher: rows as in `stickers`; what it says goes into the batch.
        with_polarity: whether conversations are scored for it.
    """
    table = candidate_table(samples, stickers)
    rows = table.rows
    words = tokens.batch([sample.conversation for sample in samples])
    polarity = np.zeros((len(samples), 2), np.float32)
    if with_polarity:
        polarity[:] = [conversation_polarity(sample.conversation) for sample in samples]
    said = teacher.of(rows) if teacher is not None else None
    return PBRBatch(
        ids=torch.from_numpy(words.ids),
        mask=torch.from_numpy(words.mask),
        pixels=torch.from_numpy(stickers.pixels(rows)),
        rows=torch.from_numpy(rows),
        topic=torch.from_numpy(stickers.topics(rows)),
        candidates=torch.from_numpy(table.candidates),
        gold=torch.from_numpy(table.gold),
        polarity=torch.from_numpy(polarity),
        anchors=torch.from_numpy(said.anchors) if said else None,
        logits=torch.from_numpy(said.logits) if said else None,
        features=torch.from_numpy(said.features) if said else None,
    )
