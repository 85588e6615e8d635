"""Classes of stickers that a loss asks for: which sticker it is, or what its pack says it means."""

from collections import Counter
from collections.abc import Iterable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from retriever.labels import EMOTIONS
from trainers.datasets.ranking import StickerImages

__all__ = ["identities", "meanings"]


def identities(stickers: StickerImages, sent: Iterable[str]) -> tuple[NDArray[np.int64], int]:
    """Every sticker of `sent` is a class of its own: (n,) by row, -1 for others, and how many there are."""
    rows = np.unique(stickers.rows(sorted(set(sent))))
    labels = np.full(len(stickers), -1, np.int64)
    labels[rows] = np.arange(len(rows))
    return labels, len(rows)


def meanings(
    stickers: StickerImages, kind: Literal["emoji", "emotion"], limit: int
) -> tuple[NDArray[np.int64], int]:
    """What packs say: (n,) by row, -1 where they say nothing, and how many classes there are.

    Args:
        kind: ``emoji``, the `limit` most frequent; or ``emotion``, which also stands in where no sticker has
            an emoji.
    """
    emoji = [said.emoji for said in stickers.said]
    counts = Counter(value for value in emoji if value)
    if kind == "emotion" or not counts:
        return stickers.emotion.astype(np.int64), len(EMOTIONS)
    kept = sorted(counts, key=lambda value: (-counts[value], value))[:limit]
    number = {value: at for at, value in enumerate(kept)}
    return np.array([number.get(value or "", -1) for value in emoji], np.int64), len(kept)
