"""What a ranker is: a trained model that scores stickers for a conversation, with a cached sticker side."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from retriever.scorers.base import Scores
from retriever.types import Conversation, Sticker

__all__ = ["DenseRanker", "Expecting", "Halving", "Knowing", "Ranker", "StickerFeatures", "take"]

StickerFeatures = Mapping[str, NDArray[Any]]
"""Arrays by name, all with the stickers along their first axis: what is computed once a sticker."""


class Ranker(Protocol):
    """A trained model of one family: inference only.

    `encode_stickers` is the expensive half and is done once a sticker; `score` touches the conversation
    and the features of the candidates.
    """

    @property
    def family(self) -> str:
        """The architecture: ``dual``, ``pbr``, ..."""
        ...

    @property
    def model_id(self) -> str:
        """Changes whenever scores may: what caches of features are keyed by."""
        ...

    def encode_stickers(self, stickers: Sequence[Sticker]) -> StickerFeatures:
        """The sticker side, in the order given.

        Raises:
            BadImage: an image cannot be read (rankers that look at images).
        """
        ...

    def score(self, conversation: Conversation, features: StickerFeatures) -> Scores:
        """One score a sticker, (n,), finite, higher is better; the same alone or among others to 1e-5."""
        ...


@runtime_checkable
class DenseRanker(Protocol):
    """A ranker that is cheap enough to score a whole library: one vector a sticker and a matrix product."""

    @property
    def dense(self) -> bool: ...


@runtime_checkable
class Halving(Protocol):
    """A ranker whose larger features may be kept in half precision: `score` takes them in either."""

    @property
    def halved(self) -> frozenset[str]:
        """The names of the features whose float16 values move no score by more than 1e-3."""
        ...


@runtime_checkable
class Knowing(Protocol):
    """A ranker that may read what was inferred of a conversation."""

    @property
    def reads_inferences(self) -> bool: ...


@runtime_checkable
class Expecting(Protocol):
    """A ranker that can say what it looks for."""

    def expected(self, conversation: Conversation) -> dict[str, dict[str, float]]:
        """Probabilities by kind of label (``emotion``, ``intention``), each kind adding to 1."""
        ...


def take(features: StickerFeatures, rows: NDArray[np.intp]) -> StickerFeatures:
    """The features of some stickers, in the order of `rows`."""
    return {name: values[rows] for name, values in features.items()}
