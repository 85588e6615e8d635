"""Scores of whole splits: every distinct sticker of a chunk once, in large batches, on the model's device."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from retriever.types import Conversation
from trainers.datasets.ranking import RankingSample, StickerImages

__all__ = ["PairRanker", "score_samples"]


class PairRanker(Protocol):
    """A ranker that encodes both sides apart, in whatever form, and then scores pairs of them."""

    def images(self, pixels: NDArray[np.uint8]) -> Any:
        """(n, side, side, 3) uint8 pixels encoded."""
        ...

    def texts(self, conversations: Sequence[Conversation]) -> Any:
        """Conversations encoded."""
        ...

    def pairs(
        self,
        texts: Any,
        images: Any,
        of_text: NDArray[np.integer[Any]],
        of_image: NDArray[np.integer[Any]],
    ) -> NDArray[np.float64]:
        """(p,): the score of each pair of a row of `texts` and a row of `images`, (p,) each."""
        ...


def score_samples(
    ranker: PairRanker, samples: Sequence[RankingSample], stickers: StickerImages, size: int = 32
) -> list[NDArray[np.float64]]:
    """Each sample's scores of its candidates, (n,), an empty slot's picture among them.

    Samples are scored `size` at a time, those of one pack together, and stickers are encoded once a chunk,
    so that memory stays bounded however large the split is.
    """
    scores: list[NDArray[np.float64]] = [np.empty(0)] * len(samples)
    lengths = [len(sample.candidates) for sample in samples]
    order = sorted(range(len(samples)), key=lambda at: (lengths[at], samples[at].pack, at))
    for begin in range(0, len(order), size):
        chunk = order[begin : begin + size]
        longest = lengths[chunk[-1]]
        for at in chunk:  # lists of different lengths do not share a table
            if lengths[at] != longest:
                _score([at], ranker, samples, stickers, scores)
        _score([at for at in chunk if lengths[at] == longest], ranker, samples, stickers, scores)
    return scores


def _score(
    chunk: Sequence[int],
    ranker: PairRanker,
    samples: Sequence[RankingSample],
    stickers: StickerImages,
    scores: list[NDArray[np.float64]],
) -> None:
    rows = np.stack([stickers.rows(samples[at].candidates) for at in chunk])
    distinct, inverse = np.unique(rows, return_inverse=True)
    images = ranker.images(stickers.pixels(distinct))
    texts = ranker.texts([samples[at].conversation for at in chunk])
    of_text = np.repeat(np.arange(len(chunk)), rows.shape[1])
    found = ranker.pairs(texts, images, of_text, inverse.reshape(-1))
    for at, row in zip(chunk, found.reshape(rows.shape), strict=True):
        scores[at] = row
