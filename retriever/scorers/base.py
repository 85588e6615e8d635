"""What a scorer is: anything that gives every candidate sticker a number."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from retriever.types import Conversation, Sticker

Scores = NDArray[np.float64]


class Scorer(Protocol):
    """Scores given candidates: `embedding`, `lexical`, `ranker`, `llm`."""

    @property
    def name(self) -> str:
        """The key of its scores in a pick."""
        ...

    def score(self, conversation: Conversation, stickers: Sequence[Sticker]) -> Scores:
        """Scores of shape ``(len(stickers),)``, higher is better, finite, in the order given.

        Raises:
            InputError: a sticker this scorer does not know.
        """
        ...


@runtime_checkable
class Doubting(Protocol):
    """A scorer that knows when it is out of its depth."""

    def confidence(self, conversation: Conversation) -> float:
        """How far its scores for this conversation are to be trusted, in [0, 1]; multiplies its weight."""
        ...


@runtime_checkable
class ReadsAhead(Protocol):
    """A scorer (or the ranker behind it) that reads several conversations together sooner than one by one."""

    def prepare(self, conversations: Sequence[Conversation]) -> None:
        """Read the conversations of the next questions at once; their scores are the same to 1e-5.

        Any number may be given; how many are kept is up to it, 64 at the least.
        """
        ...


@runtime_checkable
class Waiting(Protocol):
    """A scorer that mostly waits for a server: threads may ask it about several conversations at once."""

    async def ascore(self, conversation: Conversation, stickers: Sequence[Sticker]) -> Scores:
        """`Scorer.score` for coroutines."""
        ...


class Recaller(Scorer, Protocol):
    """A scorer cheap enough to score a whole library: the recall stage is made of these."""

    def score_library(self, conversation: Conversation) -> Scores:
        """Scores of shape ``(n_library,)`` in library row order, finite."""
        ...
