"""Scores of whole splits: every distinct sticker once, then one matrix product."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from retriever.rankers.int_ra.ranker import IntRARanker
from trainers.datasets.ranking import RankingSample, StickerImages
from trainers.int_ra.batch import Texts, texts_at

__all__ = ["encode_rows", "score_samples"]

_IMAGES = 64


def encode_rows(
    ranker: IntRARanker, stickers: StickerImages, texts: Texts, rows: NDArray[np.int64]
) -> NDArray[np.float32]:
    """(n, d): the vectors of some rows of `stickers`, as inference would make them."""
    count = len(ranker.config.attributes)
    found = [np.empty((0, ranker.config.width), np.float32)]
    for start in range(0, len(rows), _IMAGES):
        part = rows[start : start + _IMAGES]
        encoded = ranker.encode(stickers.pixels(part), texts_at(texts, part, count))
        found.append(encoded.vector.cpu().numpy())
    return np.concatenate(found)


def score_samples(
    ranker: IntRARanker,
    samples: Sequence[RankingSample],
    stickers: StickerImages,
    texts: Texts,
    size: int = 32,
) -> tuple[list[NDArray[np.float64]], NDArray[np.int64]]:
    """Each sample's scores of its candidates, (n,), an empty slot's picture among them; and the class that
    each conversation is predicted to have, (k,), or -1 where the model has no classifier.

    Args:
        texts: of the rows of `stickers`.
        size: conversations encoded at once.
    """
    distinct = np.unique(np.concatenate([stickers.rows(sample.candidates) for sample in samples]))
    vectors = encode_rows(ranker, stickers, texts, distinct)
    scores: list[NDArray[np.float64]] = []
    classes: list[NDArray[np.int64]] = []
    for begin in range(0, len(samples), size):
        chunk = samples[begin : begin + size]
        queries = ranker.queries([sample.conversation for sample in chunk])
        none = torch.full((len(chunk),), -1)
        classes.append((none if queries.logits is None else queries.logits.argmax(-1)).cpu().numpy())
        for sample, query in zip(chunk, queries.vector.cpu().numpy(), strict=True):
            places = np.searchsorted(distinct, stickers.rows(sample.candidates))
            scores.append((vectors[places] @ query).astype(np.float64))
    return scores, np.concatenate(classes)
