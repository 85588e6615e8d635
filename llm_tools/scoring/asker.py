"""What both ways of scoring share: the model, what is shown to it, what is remembered and counted."""

import asyncio
import logging
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from llm_tools.ask import Outcome, ask
from llm_tools.backends.base import Backend, Message, Picture, Reply, Request
from llm_tools.budget import Budget, Meter
from llm_tools.prompts import Prompt
from llm_tools.scoring.cache import AnswerCache
from llm_tools.scoring.candidates import Candidate, View
from llm_tools.scoring.stats import ScorerStats
from llm_tools.task import Task
from retriever.errors import ModelError, StickerError
from retriever.types import Conversation

__all__ = ["Asker", "Method", "Unusable", "all_at_once"]

T = TypeVar("T")

logger = logging.getLogger(__name__)


class Unusable(ModelError):
    """The model answers, but says nothing that can be used: asking again is no help."""


@dataclass
class Asker:
    """One scorer's connection to its model.

    Attributes:
        prompt: the prompt of the way of scoring.
        history: messages of a conversation that are shown.
        gate: lets so many calls be in flight.
        extra: further fields of the request body.
        last_problem: why there was no usable answer, the last time.
    """

    backend: Backend
    prompt: Prompt
    view: View
    cache: AnswerCache
    stats: ScorerStats
    gate: asyncio.Semaphore
    history: int = 10
    extra: Mapping[str, Any] = field(default_factory=dict)
    last_problem: str = ""

    def note(self, problem: str) -> None:
        """Log why there is no opinion on something; the last such problem explains an error."""
        self.last_problem = problem
        logger.warning("%s", problem)

    def messages(self, data: Sequence[str], images: Sequence[Picture], question: str) -> tuple[Message, ...]:
        """Head, conversation, stickers, pictures, question: what a conversation's calls share comes first."""
        return (
            Message("system", (self.prompt.system,)),
            Message("user", (*data, *images, question)),
        )

    async def pictures(self, candidate: Candidate) -> tuple[Picture, ...]:
        """A candidate's pictures, decoded in a thread; none where images are off."""
        if not self.view.images:
            return ()
        return await asyncio.to_thread(self.view.pictures, candidate)

    async def complete(self, request: Request) -> Reply:
        """One call, counted.

        Raises:
            ModelError: nothing wrong with the request, but no answer either.
        """
        async with self.gate:
            reply = (await self.backend.complete([request]))[0]
        self.stats.calls += 1
        self.stats.prompt_tokens += reply.prompt_tokens
        self.stats.completion_tokens += reply.completion_tokens
        if reply.failure == "transport":
            raise ModelError(reply.error or "the server does not answer")
        return reply

    async def ask(self, task: Task, messages: Sequence[Message], key: str) -> Outcome:
        """A validated answer, asked again where need be, counted.

        Raises:
            ModelError: the server does not answer.
        """
        async with self.gate:
            outcome = await ask(self.backend, task, messages, key, Meter(Budget()))
        self.stats.calls += outcome.usage.calls
        self.stats.prompt_tokens += outcome.usage.prompt_tokens
        self.stats.completion_tokens += outcome.usage.completion_tokens
        if outcome.failure is not None and outcome.failure.reason == "transport":
            raise ModelError(outcome.failure.message)
        return outcome


class Method(Protocol):
    """A way of scoring: `Pointwise` or `Listwise`."""

    @property
    def prompt(self) -> str:
        """The name of its prompt file."""
        ...

    async def scores(
        self, asker: Asker, conversation: Conversation, candidates: Sequence[Candidate]
    ) -> NDArray[np.float64]:
        """Scores in [0, 1], (len(candidates),), finite, in the order given.

        Raises:
            ModelError: the model does not answer; `Unusable`: it does, with nothing usable.
        """
        ...


async def all_at_once(work: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """All results in order; the first error cancels the rest and is raised as it is."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one) for one in work]
    except BaseExceptionGroup as several:
        raise _first_error(several) from None
    return [task.result() for task in tasks]


def _first_error(several: BaseExceptionGroup[BaseException]) -> BaseException:
    """One error in place of many: an expected one before a fault."""
    expected = [error for error in several.exceptions if isinstance(error, StickerError)]
    return expected[0] if expected else several.exceptions[0]
