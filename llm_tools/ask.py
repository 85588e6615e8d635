"""One item's dialogue with the model: ask, validate, ask again with what was wrong, at most so many times."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from llm_tools.backends.base import Backend, Message, Reply, Request
from llm_tools.budget import CallMeter
from llm_tools.repair import BadAnswer, parse_answer
from llm_tools.task import Task

__all__ = ["Failure", "Outcome", "Usage", "ask"]

_QUOTED_BACK = 1000
"""Characters of a bad answer that the model is shown when asked again."""


@dataclass(slots=True)
class Usage:
    """What one item has cost."""

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no answer.

    Attributes:
        reason: a stable word: a `BadAnswerReason`, ``transport``, ``refused``, ``unreadable``.
        message: for people, one line.
        raw: the last reply as it came.
    """

    reason: str
    message: str
    raw: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it ended: with an answer, with a failure, or with neither when the budget ran out in between."""

    answer: dict[str, Any] | None = None
    failure: Failure | None = None
    usage: Usage = field(default_factory=Usage)


async def ask(
    backend: Backend, task: Task, messages: Sequence[Message], key: str, meter: CallMeter
) -> Outcome:
    """Put `messages` to the model until an answer validates or `task.max_tries` is reached."""
    usage = Usage()
    asked = tuple(messages)
    max_tokens = task.max_tokens
    failure: Failure | None = None
    for attempt in range(task.max_tries):
        if not meter.begin_call():
            return Outcome(usage=usage)
        request = _request(backend, task, asked, key, attempt, max_tokens)
        reply = (await backend.complete([request]))[0]
        _count(reply, usage, meter)
        if reply.error is not None:
            # A re-ask is longer than the question; if only that was refused, the bad answer is the finding.
            if failure is None or reply.failure == "transport":
                failure = Failure(reply.failure or "refused", reply.error)
            return Outcome(failure=failure, usage=usage)
        try:
            answer = parse_answer(reply.text, task.answer, finish_reason=reply.finish_reason)
            return Outcome(answer=answer.model_dump(mode="json"), usage=usage)
        except BadAnswer as problem:
            failure = Failure(problem.reason, problem.message, reply.text)
            asked = _asked_again(messages, reply.text, task.reask, problem.message)
            if problem.reason == "cut_off":
                max_tokens += max_tokens // 2
    return Outcome(failure=failure, usage=usage)


def _request(
    backend: Backend, task: Task, messages: tuple[Message, ...], key: str, attempt: int, max_tokens: int
) -> Request:
    guided = task.policy == "guided" or (task.policy == "free-then-guided" and attempt > 0)
    return Request(
        messages,
        max_tokens=max_tokens,
        temperature=task.temperature,
        seed=task.seed + attempt,
        schema=task.schema if guided and backend.capabilities.guided else None,
        key=key,
        extra=task.extra,
    )


def _asked_again(messages: Sequence[Message], said: str, reask: str, problem: str) -> tuple[Message, ...]:
    again = Message("user", (reask.replace("{problem}", problem),))
    if not said.strip():
        return (*messages, again)
    return (*messages, Message("assistant", (said[:_QUOTED_BACK],)), again)


def _count(reply: Reply, usage: Usage, meter: CallMeter) -> None:
    usage.calls += 1
    usage.prompt_tokens += reply.prompt_tokens
    usage.completion_tokens += reply.completion_tokens
    meter.end_call(reply.prompt_tokens, reply.completion_tokens)
