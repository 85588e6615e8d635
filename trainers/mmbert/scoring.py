"""Scores of whole splits: every distinct sticker once, then dialogues of like length together."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from retriever.rankers.base import StickerFeatures
from retriever.rankers.mmbert.ranker import MMBERTRanker
from trainers.datasets.ranking import RankingSample, StickerImages
from trainers.mmbert.batch import verbal

__all__ = ["features_of", "score_samples"]

_CHUNK = 256

Rows = NDArray[np.int64]


def features_of(ranker: MMBERTRanker, stickers: StickerImages, rows: Rows) -> StickerFeatures:
    """The ranker's features of some rows, `BLANK` among them; pixels are read a chunk at a time."""
    parts = []
    for start in range(0, max(len(rows), 1), _CHUNK):
        chunk = rows[start : start + _CHUNK]
        parts.append(ranker.encode_pixels(stickers.pixels(chunk), verbal(stickers, chunk)))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def score_samples(
    ranker: MMBERTRanker, samples: Sequence[RankingSample], stickers: StickerImages, size: int = 32
) -> list[NDArray[np.float64]]:
    """Each sample's scores of its candidates, (n,), an empty slot's picture among them.

    Args:
        size: samples scored together.
    """
    rows = [stickers.rows(sample.candidates) for sample in samples]
    distinct = np.unique(np.concatenate(rows))
    features = features_of(ranker, stickers, distinct)
    lengths = [sum(len(turn.text) for turn in sample.conversation.utterances) for sample in samples]
    order = sorted(range(len(samples)), key=lambda at: (len(rows[at]), lengths[at], at))
    scores: list[NDArray[np.float64]] = [np.empty(0)] * len(samples)
    for start in range(0, len(order), size):
        chunk = order[start : start + size]
        for n in sorted({len(rows[at]) for at in chunk}):  # lists of different lengths share no table
            same = [at for at in chunk if len(rows[at]) == n]
            table = np.searchsorted(distinct, np.stack([rows[at] for at in same]))
            found = ranker.score_lists([samples[at].conversation for at in same], features, table)
            for at, row in zip(same, found, strict=True):
                scores[at] = row
    return scores
