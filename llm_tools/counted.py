"""The `llm` scorer where scores are kept: unusable answers are counted, a server that is gone is an error."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from llm_tools.scorer import LlmScorer
from llm_tools.scoring.asker import Unusable
from retriever.errors import InputError
from retriever.scorers.base import Scores
from retriever.types import Conversation, Sticker

__all__ = ["CountedLlm"]

_NO_OPINION = 0.5


class CountedLlm:
    """An LLM's scores for fitting a fusion, which asks about thousands of conversations and keeps them.

    A conversation to which the model says nothing usable gets equal scores, which a fusion leaves out, and is
    counted. A server that does not answer is an error: nothing that was not said is ever kept.

    Args:
        scorer: with ``on_error="raise"``.

    Attributes:
        unanswered: why there was nothing usable, and how often.

    Raises:
        InputError: a scorer that passes over errors by itself.
    """

    def __init__(self, scorer: LlmScorer) -> None:
        if scorer.on_error != "raise":
            raise InputError(
                "a fusion is fitted with an LLM scorer of on_error='raise': failures are counted here"
            )
        self.name = scorer.name
        self.scorer = scorer
        self.unanswered: Counter[str] = Counter()

    @property
    def model_id(self) -> str:
        """As `LlmScorer.model_id`."""
        return self.scorer.model_id

    def score(self, conversation: Conversation, stickers: Sequence[Sticker]) -> Scores:
        """Scores in [0, 1], (len(stickers),).

        Raises:
            ModelError: the server does not answer.
        """
        try:
            return self.scorer.score(conversation, stickers)
        except Unusable as error:
            return self._no_opinion(error, len(stickers))

    async def ascore(self, conversation: Conversation, stickers: Sequence[Sticker]) -> Scores:
        """`score` for coroutines."""
        try:
            return await self.scorer.ascore(conversation, stickers)
        except Unusable as error:
            return self._no_opinion(error, len(stickers))

    def close(self) -> None:
        """Close the connections."""
        self.scorer.close()

    def _no_opinion(self, error: Unusable, n: int) -> Scores:
        self.unanswered[str(error)[:160]] += 1
        return np.full(n, _NO_OPINION)
