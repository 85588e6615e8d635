"""Samples as tensors: every distinct sticker of a batch once, every distinct attribute text once."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from eval.labels import label_of
from retriever.errors import InputError
from retriever.rankers.int_ra.config import IntRAModelConfig
from retriever.rankers.int_ra.tokens import IntRATokens
from trainers.datasets.ranking import RankingSample, StickerImages
from trainers.int_ra.losses import UNKNOWN
from trainers.ranking.table import candidate_table

__all__ = ["IntRABatch", "label_numbers", "make_batch", "texts_at", "with_classes"]

Texts = Sequence[tuple[str, ...]]
"""(n, a): the attribute texts of every row of the stickers."""


@dataclass(frozen=True, slots=True)
class IntRABatch:
    """K conversations, N candidate slots each, D distinct stickers among them, U distinct texts.

    Attributes:
        ids, mask: (K, T) int64 tokens of conversations with their knowledge.
        label: (K,) int64 into the classes; `UNKNOWN` where there is none.
        pixels: (D, side, side, 3) uint8.
        rows: (D,) int64: the stickers' rows in the data; `BLANK` for an empty slot's picture.
        text_ids, text_mask: (U, t) int64 tokens of attribute texts, the first empty.
        which: (D, a) int64 into the texts; 0 is no text.
        candidates: (K, N) int64 into D; -1 where a conversation has fewer candidates than another.
        gold: (K,) int64, the gold's place among the candidates.
    """

    ids: Tensor
    mask: Tensor
    label: Tensor
    pixels: Tensor
    rows: Tensor
    text_ids: Tensor
    text_mask: Tensor
    which: Tensor
    candidates: Tensor
    gold: Tensor


def make_batch(
    samples: Sequence[RankingSample], stickers: StickerImages, texts: Texts, tokens: IntRATokens
) -> IntRABatch:
    """The batch of some samples, each with its candidates.

    Args:
        texts: of the rows of `stickers`.
    """
    table = candidate_table(samples, stickers)
    words = tokens.conversations([sample.conversation for sample in samples])
    said = tokens.stickers(texts_at(texts, table.rows, len(tokens.config.attributes)))
    return IntRABatch(
        ids=torch.from_numpy(words.ids),
        mask=torch.from_numpy(words.mask),
        label=torch.from_numpy(label_numbers(samples, tokens.config)),
        pixels=torch.from_numpy(stickers.pixels(table.rows)),
        rows=torch.from_numpy(table.rows),
        text_ids=torch.from_numpy(said.rows.ids),
        text_mask=torch.from_numpy(said.rows.mask),
        which=torch.from_numpy(said.which),
        candidates=torch.from_numpy(table.candidates),
        gold=torch.from_numpy(table.gold),
    )


def texts_at(texts: Texts, rows: np.ndarray, count: int) -> list[tuple[str, ...]]:
    """The texts of some rows; an empty slot's picture has none.

    Args:
        rows: (d,) int64; `BLANK` for an empty slot.
        count: a, of attributes.
    """
    return [texts[row] if row >= 0 else ("",) * count for row in rows.tolist()]


def label_numbers(samples: Sequence[RankingSample], config: IntRAModelConfig) -> np.ndarray:
    """(k,) int64: each sample's class; `UNKNOWN` where it has no label, or none of the classes."""
    number = {name: at for at, name in enumerate(config.label_names)}
    said = [label_of(sample, config.labels) for sample in samples]
    return np.array([number.get(label or "", UNKNOWN) for label in said], np.int64)


def with_classes(config: IntRAModelConfig, samples: Sequence[RankingSample]) -> IntRAModelConfig:
    """The configuration with the emoji that `samples` have as its classes, the most frequent first.

    One with classes of its own, or that knows other labels, stays as it is.

    Raises:
        InputError: no sample has an emoji.
    """
    if config.labels != "emoji" or config.classes:
        return config
    counts = Counter(label for sample in samples if (label := label_of(sample, "emoji")))
    if not counts:
        raise InputError(
            f"model.labels is 'emoji', and none of {len(samples)} training samples has one; set it to the "
            "kind they have ('intention' or 'emotion')"
        )
    ranked = sorted(counts, key=lambda label: (-counts[label], label))
    return config.model_copy(update={"classes": tuple(ranked)})
