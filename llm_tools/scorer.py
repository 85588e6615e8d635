"""The `llm` scorer: a language model's opinion on given stickers, as numbers."""

import asyncio
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np

from llm_tools.backends.base import Backend
from llm_tools.backends.http import HTTPBackend
from llm_tools.backends.retry import RetryPolicy
from llm_tools.blocking import on_background_loop, run_blocking
from llm_tools.prompts import load_prompt
from llm_tools.scoring import AnswerCache, Listwise, Pointwise, ScorerStats
from llm_tools.scoring.asker import Asker, Method
from llm_tools.scoring.candidates import View
from retriever.errors import InputError, ModelError
from retriever.scorers.base import Scores
from retriever.types import Conversation, Sticker

__all__ = ["LlmScorer"]

logger = logging.getLogger(__name__)

OnError = Literal["raise", "skip"]
_METHODS: dict[str, type[Pointwise] | type[Listwise]] = {"pointwise": Pointwise, "listwise": Listwise}
_NO_OPINION = 0.5


class LlmScorer:
    """Scores stickers by asking a language model; one more scorer for `StickerRetriever.open(scorers=[...])`.

    ::

        llm = LlmScorer.at("http://localhost:8000/v1")
        retriever = StickerRetriever.open("sticker-library", scorers=[llm], recall_size=20)

    It scores what the recallers named, so `recall_size` decides what a pick costs. Captions, documents and
    conversations reach the model as marked and escaped data (`llm_tools.data_block`), never as instructions.
    May be called from any thread, also inside a running event loop.

    Args:
        backend: the model; connected to on first use.
        method: ``pointwise``, ``listwise``, or one of these with its own settings
            (``Listwise(permutations=4)``).
        language: of the prompt, ``en`` or ``zh``.
        view: what of a sticker is shown, images included.
        history: how many of the last messages are shown.
        on_error: ``raise``, or ``skip``: when the model does not answer, every sticker gets the same score,
            which fusion leaves out; the reason is logged, counted in `stats.skipped`, kept in `last_error`.
        timeout: seconds that one conversation may take in all; None waits as long as the backend does.
        concurrency: calls in flight, of all threads together.
        cache: where answers are kept; None keeps them in memory.
        extra: further fields of the request body, such as ``chat_template_kwargs``.
        name: the key of the scores in a pick.
        prompt: a prompt file of your own in place of the shipped one.

    Attributes:
        stats: what was asked, and everything unusual about the answers.
        last_error: why the last skipped conversation was skipped.

    Raises:
        InputError: an unknown method, language or setting.
    """

    def __init__(
        self,
        backend: Backend,
        method: Literal["pointwise", "listwise"] | Method = "pointwise",
        *,
        language: str = "en",
        view: View | None = None,
        history: int = 10,
        on_error: OnError = "raise",
        timeout: float | None = None,
        concurrency: int = 64,
        cache: AnswerCache | None = None,
        extra: Mapping[str, Any] | None = None,
        name: str = "llm",
        prompt: Path | None = None,
    ) -> None:
        if on_error not in ("raise", "skip"):
            raise InputError(f"on_error is {on_error!r}; expected 'raise' or 'skip'")
        if history < 1 or concurrency < 1:
            raise InputError(
                f"history is {history} and concurrency {concurrency}; expected 1 or more of both"
            )
        self.name = name
        self.backend = backend
        self.method = _method(method)
        self.on_error = on_error
        self.timeout = timeout
        self.stats = ScorerStats()
        self.last_error: str | None = None
        self._checked = False
        self._asker = Asker(
            backend,
            load_prompt(prompt or self.method.prompt, language),
            view or View(),
            cache if cache is not None else AnswerCache(),
            self.stats,
            asyncio.Semaphore(concurrency),
            history,
            dict(extra or {}),
        )

    @property
    def model_id(self) -> str:
        """Changes whenever scores may: model, way of scoring, prompt and how much is shown.

        Raises:
            ModelError: the server has to be asked which model it has, and does not answer.
        """
        run_blocking(self._check())
        prompt, history = self._asker.prompt.hash, self._asker.history
        return f"{self.backend.model}, {_described(self.method)}, prompt {prompt}, last {history}"

    @classmethod
    def at(
        cls,
        base_url: str,
        model: str | None = None,
        *,
        api_key: str | None = None,
        **settings: Any,
    ) -> Self:
        """A scorer that asks a server; it gives up sooner than a batch job would.

        Args:
            base_url: of an OpenAI-compatible server.
            model: None takes the only one that the server offers.
            settings: as for the class.
        """
        retry = RetryPolicy(attempts=3, first_wait=0.25, longest_wait=5.0)
        backend = HTTPBackend(
            base_url, model, api_key=api_key, timeout=60.0, connect_timeout=5.0, retry=retry
        )
        return cls(backend, **settings)

    def score(self, conversation: Conversation, stickers: Sequence[Sticker]) -> Scores:
        """Scores in [0, 1], (len(stickers),), in the order given.

        Raises:
            ModelError: the model does not answer, or with nothing usable, and `on_error` is ``raise``.
        """
        return run_blocking(self._score(conversation, stickers))

    async def ascore(self, conversation: Conversation, stickers: Sequence[Sticker]) -> Scores:
        """`score` for coroutines."""
        return await on_background_loop(self._score(conversation, stickers))

    def close(self) -> None:
        """Close the connections; the scorer may not be used afterwards."""
        run_blocking(self.backend.aclose())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def _score(self, conversation: Conversation, stickers: Sequence[Sticker]) -> Scores:
        if not stickers:
            return np.zeros(0)
        try:
            async with asyncio.timeout(self.timeout):
                return await self._asked(conversation, stickers)
        except TimeoutError:
            error = ModelError(
                f"{self._model_name()} took longer than {self.timeout} s over {len(stickers)} stickers"
            )
        except ModelError as caught:
            error = caught
        if self.on_error == "raise":
            raise error
        self.last_error = str(error)
        self.stats.skipped[str(error)] += 1
        logger.warning("scorer %s has no opinion: %s", self.name, error)
        return np.full(len(stickers), _NO_OPINION)

    async def _asked(self, conversation: Conversation, stickers: Sequence[Sticker]) -> Scores:
        await self._check()
        candidates = [self._asker.view.candidate(sticker) for sticker in stickers]
        self.stats.blank += sum(candidate.blank for candidate in candidates)
        scores = await self.method.scores(self._asker, conversation, candidates)
        return np.clip(scores, 0.0, 1.0)

    async def _check(self) -> None:
        if not self._checked:
            await self.backend.check()
            self._checked = True

    def _model_name(self) -> str:
        try:
            return self.backend.model
        except ModelError:
            return "the model"


def _method(method: str | Method) -> Method:
    if not isinstance(method, str):
        return method
    if method not in _METHODS:
        raise InputError(f"method is {method!r}; expected {' or '.join(_METHODS)}")
    return _METHODS[method]()


def _described(method: object) -> str:
    """A method with its settings, where they are not those it comes with; the same in every process."""
    kind = type(method)
    name = kind.__name__.lower()
    if not is_dataclass(method) or method == kind():
        return name
    settings = {
        key: sorted(value) if isinstance(value, frozenset) else value for key, value in vars(method).items()
    }
    return f"{name} {json.dumps(settings, sort_keys=True, ensure_ascii=False, default=str)}"
