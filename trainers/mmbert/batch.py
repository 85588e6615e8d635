"""Samples as tensors: every distinct sticker of a batch once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from retriever.rankers.mmbert.tokens import NOTHING, DialogueTokens
from retriever.types import Sticker
from trainers.datasets.ranking import RankingSample, StickerImages
from trainers.mmbert.losses import IGNORED
from trainers.ranking.table import candidate_table

__all__ = ["MMBERTBatch", "descriptions", "make_batch", "verbal"]


@dataclass(frozen=True, slots=True)
class MMBERTBatch:
    """K dialogues, D distinct stickers.

    Attributes:
        ids, mask: (K, T) int64 tokens and which of them are some.
        right, wrong: (K,) int64 into the stickers: the one that was sent, and one that was not.
        words: (D, S) int64: the words in each sticker, see `DialogueTokens.words`.
        told: (R,) int64 into the dialogues: those whose right sticker has words.
        emotion: (K,) int64, `IGNORED` where a sample has none.
        pixels: (D, side, side, 3) uint8, or None where `seen` stands for them.
        seen: (D, C_V) float32: the frozen image encoder's states, or None.
        described: (Q,) int64 into the stickers: those of which something is written.
        descriptions: (Q, S) int64: that, as `words`.
    """

    ids: Tensor
    mask: Tensor
    right: Tensor
    wrong: Tensor
    words: Tensor
    told: Tensor
    emotion: Tensor
    pixels: Tensor | None = None
    seen: Tensor | None = None
    described: Tensor | None = None
    descriptions: Tensor | None = None


def make_batch(
    samples: Sequence[RankingSample],
    stickers: StickerImages,
    tokens: DialogueTokens,
    emotions: Mapping[str, int],
    seen: NDArray[np.float32] | None = None,
    written: Sequence[str] = (),
) -> MMBERTBatch:
    """The batch of some samples, each with two candidates (`trainers.mmbert.pairs`).

    Args:
        emotions: the number of each label; others count as none.
        seen: (n + 1, C_V) of every sticker's row, and of `BLANK` in the last one.
        written: (n,) about every sticker's row; empty where nothing of it is asked.
    """
    table = candidate_table(samples, stickers)
    dialogues = tokens.dialogues([sample.conversation for sample in samples])
    own = np.arange(len(samples))
    right = table.candidates[own, table.gold]
    words = tokens.words(verbal(stickers, table.rows))
    texts = [written[row] if row >= 0 and written else "" for row in table.rows.tolist()]
    described = np.flatnonzero([bool(text) for text in texts])
    emotion = [emotions.get(sample.emotion or "", IGNORED) for sample in samples]
    return MMBERTBatch(
        ids=torch.from_numpy(dialogues.ids),
        mask=torch.from_numpy(dialogues.mask),
        right=torch.from_numpy(right),
        wrong=torch.from_numpy(table.candidates[own, 1 - table.gold]),
        words=torch.from_numpy(words),
        told=torch.from_numpy(np.flatnonzero((words[right] != NOTHING).any(1))),
        emotion=torch.tensor(emotion),
        pixels=torch.from_numpy(stickers.pixels(table.rows)) if seen is None else None,
        seen=torch.from_numpy(seen[table.rows]) if seen is not None else None,
        described=torch.from_numpy(described) if written else None,
        descriptions=torch.from_numpy(tokens.words([texts[at] for at in described])) if written else None,
    )


def descriptions(words: Sequence[Sticker]) -> list[str]:
    """What is written about each of some stickers: the description, else how it looks; "" for nothing.

    The words in a sticker are no part of it: they are semantic prediction's own labels.
    """
    found = []
    for one in words:
        looks = (one.attributes.gesture, one.attributes.posture, one.attributes.facial_expression)
        text = one.description.strip() or "; ".join(part.strip() for part in looks if part.strip())
        found.append(" ".join(text.split()))
    return found


def verbal(stickers: StickerImages, rows: NDArray[np.int64]) -> list[str]:
    """The words in each of some stickers; "" for `BLANK` and where nobody read any."""
    said = stickers.said
    return [said[row].attributes.verbal if row >= 0 and said else "" for row in rows.tolist()]
