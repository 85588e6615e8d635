"""Conversations to the five COMET relations and an intention (Int-RA section IV-A)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llm_tools.answers import ConversationAnswer
from llm_tools.ask_options import AskOptions
from llm_tools.backends.base import Backend, Message
from llm_tools.batch import answered_rows, run_batch_async, run_closing
from llm_tools.data_block import conversation_block
from llm_tools.prompts import Prompt
from llm_tools.summary import Summary
from llm_tools.task import Item, Task, result_key
from retriever.conversations import conversation_hash
from retriever.labels import RELATIONS
from retriever.types import Conversation, Inferences

__all__ = [
    "InferOptions",
    "conversation_hash",
    "infer",
    "infer_async",
    "infer_items",
    "infer_job",
    "inferences_of",
]


@dataclass(frozen=True, kw_only=True)
class InferOptions(AskOptions):
    """How conversations are read.

    Attributes:
        history: how many of the last messages are shown; None shows all. Int-RA found 6 best.
    """

    job = "infer"

    history: int | None = 6
    max_tokens: int = 512

    def task(self, prompt: Prompt) -> Task:
        """What the runner is told."""
        return self._task(ConversationAnswer, prompt, history=self.history)


def infer_items(
    conversations: Iterable[Conversation], task: Task, prompt: Prompt, model: str, history: int | None
) -> Iterator[Item]:
    """The calls to make, one a conversation."""
    for conversation in conversations:
        identity = conversation_hash(conversation)
        yield Item(
            conversation.id or identity,
            result_key(identity, model, task),
            _Prompt(conversation, prompt, history),
            {"conversation": identity, "engine": "llm"},
        )


@dataclass(frozen=True, slots=True)
class _Prompt:
    conversation: Conversation
    prompt: Prompt
    history: int | None

    def __call__(self) -> tuple[Message, ...]:
        quoted = conversation_block(self.conversation, self.history or len(self.conversation.utterances))
        return (
            Message("system", (self.prompt.system,)),
            Message("user", (f"{quoted}\n{self.prompt.question}",)),
        )


def infer_job(
    conversations: Iterable[Conversation], model: str, options: InferOptions, prompt: Prompt | None = None
) -> tuple[Task, list[Item]]:
    """What `infer` asks `model`: the task and its calls, made from the prompt that `options` name."""
    prompt = prompt or options.load_prompt()
    task = options.task(prompt)
    return task, list(infer_items(conversations, task, prompt, model, options.history))


async def infer_async(
    conversations: Sequence[Conversation],
    backend: Backend,
    journal: Path,
    options: InferOptions | None = None,
    **run: Any,
) -> tuple[list[dict[str, Any]], Summary]:
    """Infer for every conversation that the journal has no answer for.

    Args:
        backend: is checked before the first call.
        journal: where answers are kept; see `run_batch_async`.
        run: further arguments of `run_batch_async`.

    Returns:
        rows: one for every conversation that has an answer, in the order given: ``id``, ``conversation`` (its
            hash), ``engine``, ``model``, ``prompt`` (hash), ``options``, ``time``, ``usage``, ``inferences``
            (the five relations, each a list) and ``intention``.
        summary: what was done.

    Raises:
        ModelError: the backend cannot answer.
        InputError: the prompt does not exist.
    """
    options = options or InferOptions()
    prompt = options.load_prompt()  # a prompt that does not exist is told before the model is loaded
    await backend.check()
    task, items = infer_job(conversations, backend.model, options, prompt)
    summary = await run_batch_async(items, task, backend, journal, **run)
    answers = answered_rows(journal)
    return [_row(item, answers[item.key]) for item in items if item.key in answers], summary


def infer(
    conversations: Sequence[Conversation],
    backend: Backend,
    journal: Path,
    options: InferOptions | None = None,
    **run: Any,
) -> tuple[list[dict[str, Any]], Summary]:
    """`infer_async` for callers without an event loop; closes the backend."""

    return run_closing(backend, infer_async(conversations, backend, journal, options, **run))


def _row(item: Item, answer: Mapping[str, Any]) -> dict[str, Any]:
    kept = ("conversation", "engine", "model", "prompt", "options", "time", "usage")
    row = {"id": item.id} | {name: answer[name] for name in kept}
    said = answer["answer"]
    return row | {"inferences": {name: said[name] for name in RELATIONS}, "intention": said.get("intention")}


def inferences_of(row: Mapping[str, Any]) -> Inferences:
    """The five relations of a row as the project's value type."""
    return Inferences(**{name: tuple(row["inferences"][name]) for name in RELATIONS})
