"""Labels as numbers: -1 stands for a label that nobody gave or nobody knows."""

from collections.abc import Sequence

import torch
from torch import Tensor

from eval.labels import normal_label
from retriever.labels import EMOTIONS, INTENTIONS
from retriever.types import Sticker

__all__ = ["label_numbers", "number_of"]


def number_of(labels: Sequence[str], label: str | None) -> int:
    """The place of `label` in `labels`, or -1."""
    return labels.index(label) if label in labels else -1


def label_numbers(stickers: Sequence[Sticker], emoji: Sequence[str]) -> tuple[Tensor, Tensor, Tensor]:
    """Emotion, intention and emoji of stickers, each (n,) int64; `emoji` are those that data have."""
    numbers = (
        [number_of(EMOTIONS, sticker.emotion) for sticker in stickers],
        [number_of(INTENTIONS, sticker.intention) for sticker in stickers],
        [number_of(emoji, normal_label(sticker.emoji)) for sticker in stickers],
    )
    emotions, intentions, signs = (torch.tensor(each, dtype=torch.int64) for each in numbers)
    return emotions, intentions, signs
