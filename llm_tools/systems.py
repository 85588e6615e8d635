"""Language models as systems for an evaluation (`eval.systems`)."""

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from eval.systems import Asked, Rows, Scored, Usage
from llm_tools.baselines import LlmBaseline
from llm_tools.scorer import LlmScorer
from llm_tools.scoring.asker import Unusable
from retriever.errors import InputError
from retriever.types import Sticker

__all__ = ["LlmScorerSystem", "WantedSystem"]

_REASON = 160


class LlmScorerSystem:
    """The `llm` scorer over lists of candidates; several conversations are asked about at once.

    A conversation to which the model says nothing usable is counted, and its candidates score the same,
    which is chance. A server that does not answer is an error, and so is a whole batch without anything
    usable: what was answered is in the scorer's cache, and a later run goes on.

    Args:
        name: in results.
        scorer: with ``on_error="raise"``.
        stickers: the library, in row order.
        batch: conversations at once.

    Raises:
        InputError: a scorer that passes over errors by itself, so that nobody would know of them.
    """

    def __init__(self, name: str, scorer: LlmScorer, stickers: Sequence[Sticker], batch: int = 16) -> None:
        if scorer.on_error != "raise":
            raise InputError(
                "an LLM scorer is evaluated with on_error='raise': its failures are counted here"
            )
        self.batch = batch
        self._name, self._scorer, self._stickers = name, scorer, stickers
        self._unanswered: Counter[str] = Counter()

    @property
    def usage(self) -> Usage:
        """Calls and tokens so far."""
        stats = self._scorer.stats
        return Usage(
            stats.calls, stats.prompt_tokens, stats.completion_tokens, stats.cached, dict(self._unanswered)
        )

    def prepare(self, rows: Rows) -> None:
        """Nothing to do."""

    def score(self, asked: Sequence[Asked]) -> list[Scored]:
        """Scores in [0, 1].

        Raises:
            ModelError: the server does not answer, or says nothing usable about any of these.
        """
        with ThreadPoolExecutor(max(1, len(asked))) as threads:
            found = list(threads.map(self._one, asked))
        errors = [one for one in found if isinstance(one, Unusable)]
        if errors and len(errors) == len(found):
            raise errors[0]
        scored: list[Scored] = []
        for (_, rows), one in zip(asked, found, strict=True):
            if isinstance(one, Unusable):
                self._unanswered[str(one)[:_REASON]] += 1
                one = np.zeros(len(self._stickers) if rows is None else len(rows))
            scored.append({self._name: one})
        return scored

    def close(self) -> None:
        """Close the connections."""
        self._scorer.close()

    def _one(self, asked: Asked) -> NDArray[np.float64] | Unusable:
        rows = range(len(self._stickers)) if asked.rows is None else asked.rows
        try:
            return self._scorer.score(asked.conversation, [self._stickers[int(row)] for row in rows])
        except Unusable as error:
            return error


class WantedSystem:
    """Int-RA's baseline: the model writes the sticker it would want; scores a whole library.

    Args:
        name: in results.
        baseline: it.
        batch: conversations at once.
    """

    def __init__(self, name: str, baseline: LlmBaseline, batch: int = 64) -> None:
        self.batch = batch
        self._name, self._baseline = name, baseline
        self._usage = Usage()

    @property
    def usage(self) -> Usage:
        """Calls and tokens so far."""
        return self._usage

    def prepare(self, rows: Rows) -> None:
        """Embed the stickers' documents, once."""
        self._baseline.embed_stickers()

    def score(self, asked: Sequence[Asked]) -> list[Scored]:
        """Cosines; 0 for all where the model wrote nothing usable.

        Raises:
            ModelError: the server does not answer.
        """
        summary = self._baseline.prepare([conversation for conversation, _ in asked], show_progress=False)
        before = len(self._baseline.unanswered)
        scored: list[Scored] = []
        for conversation, rows in asked:
            (scores,) = self._baseline(conversation).values()
            scored.append({self._name: scores if rows is None else scores[rows]})
        reasons = list(self._baseline.unanswered.values())[before:]
        used = self._usage
        self._usage = Usage(
            used.calls + summary.calls,
            used.prompt_tokens + summary.prompt_tokens,
            used.completion_tokens + summary.completion_tokens,
            used.cached + summary.reused,
            dict(Counter(used.unanswered) + Counter(reason[:_REASON] for reason in reasons)),
        )
        return scored

    def close(self) -> None:
        """Close the connections."""
        self._baseline.close()
