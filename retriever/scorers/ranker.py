"""The `ranker` scorer: a trained model over a library, its sticker side computed once."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np

from retriever.encoders.base import Vectors
from retriever.rankers.base import DenseRanker, Ranker, StickerFeatures, take
from retriever.rankers.cache import FeatureCache
from retriever.scorers.base import ReadsAhead, Scores
from retriever.scorers.remembered import Remembered
from retriever.store.library import Library
from retriever.types import Conversation, Sticker

__all__ = ["DenseRankerScorer", "RankerScorer", "ranker_scorer"]

NAME = "ranker"


@runtime_checkable
class ReadsVectors(Protocol):
    """A ranker whose sticker side follows from vectors that the library has already."""

    def features(self, stickers: Sequence[Sticker], vectors: Vectors) -> StickerFeatures:
        """Features of `stickers` whose documents have `vectors`, (n, d)."""
        ...


class RankerScorer:
    """Scores candidates by a trained ranker; their features are computed when first needed and kept.

    What the library's journal has inferred of a conversation is given to rankers that read it.

    Args:
        library: features lie under its ``features/``.
        ranker: an opened checkpoint.
        name: the key of its scores.
    """

    def __init__(self, library: Library, ranker: Ranker, name: str = NAME) -> None:
        self.name = name
        self.ranker = ranker
        self._features = FeatureCache(ranker, library.paths.root / "features")
        self._told = Remembered(ranker, library.paths.inferences)

    def score(self, conversation: Conversation, stickers: Sequence[Sticker]) -> Scores:
        """The ranker's scores, (len(stickers),)."""
        if not stickers:
            return np.zeros(0)
        return self.ranker.score(self._told(conversation), self._features(stickers))


class DenseRankerScorer:
    """A ranker that scores the whole library for every conversation: a recaller.

    Args:
        library: whose stickers.
        ranker: one with a vector a sticker.
        features: of all stickers, in row order.
        name: the key of its scores.
    """

    def __init__(self, library: Library, ranker: Ranker, features: StickerFeatures, name: str = NAME) -> None:
        self.name = name
        self.ranker = ranker
        self._library = library
        self._features = features
        self._told = Remembered(ranker, library.paths.inferences)

    def prepare(self, conversations: Sequence[Conversation]) -> None:
        """Let a ranker that can read the conversations of the next questions at once."""
        if isinstance(self.ranker, ReadsAhead):
            self.ranker.prepare([self._told(conversation) for conversation in conversations])

    def score_library(self, conversation: Conversation) -> Scores:
        """Scores of all stickers, (n_library,)."""
        return self.ranker.score(self._told(conversation), self._features)

    def score(self, conversation: Conversation, stickers: Sequence[Sticker]) -> Scores:
        """Scores of the given stickers, (len(stickers),).

        Raises:
            InputError: a sticker that is not in the library.
        """
        rows = self._library.rows_of(stickers)
        return self.ranker.score(self._told(conversation), take(self._features, rows))


def ranker_scorer(
    library: Library, ranker: Ranker, vectors: Vectors | None = None, name: str = NAME
) -> RankerScorer | DenseRankerScorer:
    """The scorer that fits a ranker.

    Args:
        vectors: of the library's stickers by the ranker's own text tower, (n, d), where the library has them.
    """
    if not (isinstance(ranker, DenseRanker) and ranker.dense):
        return RankerScorer(library, ranker, name)
    stickers = list(library.stickers)
    if vectors is not None and isinstance(ranker, ReadsVectors):
        return DenseRankerScorer(library, ranker, ranker.features(stickers, vectors), name)
    cache = FeatureCache(ranker, library.paths.root / "features")
    return DenseRankerScorer(library, ranker, cache(stickers, show_progress=None), name)
