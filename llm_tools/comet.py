"""Int-RA's own way to the five relations: COMET-BART, one generation each (section IV-A, equation 1)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from llm_tools.backends.base import Message
from llm_tools.backends.seq2seq import Seq2SeqBackend
from llm_tools.batch import answered_rows, run_batch_async, run_to_end
from llm_tools.summary import Summary
from llm_tools.task import Item, Task, result_key
from retriever.conversations import conversation_hash
from retriever.labels import RELATIONS
from retriever.query import recent_texts
from retriever.types import Conversation

__all__ = ["CometOptions", "comet", "comet_async"]

TEMPLATE = "{head} {relation} [GEN]"
"""The input of checkpoints trained on ATOMIC-2020."""


class RelationAnswer(BaseModel):
    """What one relation says; empty where nothing follows."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    phrases: Annotated[list[str], Field(max_length=64)]


@dataclass(frozen=True)
class CometOptions:
    """How COMET is asked.

    Attributes:
        history: how many of the last messages make up the head, joined by spaces. Published checkpoints know
            English only; Int-RA does not say how its Chinese conversations were put to one.
        beams: phrases a relation, at most.
        max_tokens: of a phrase.
    """

    history: int = 6
    beams: int = 5
    max_tokens: int = 24

    def task(self) -> Task:
        """What the runner is told."""
        return Task(
            "comet",
            RelationAnswer,
            sha256(TEMPLATE.encode()).hexdigest()[:12],
            reask="{problem}",
            max_tokens=self.max_tokens,
            policy="free",
            max_tries=1,
            options={"history": self.history, "beams": self.beams},
        )


def comet_items(
    conversations: Sequence[Conversation], task: Task, model: str, history: int
) -> Iterator[Item]:
    """Five generations a conversation, in the order of `RELATIONS`."""
    for conversation in conversations:
        identity = conversation_hash(conversation)
        head = " ".join(recent_texts(conversation, history))
        for relation in RELATIONS:
            text = TEMPLATE.format(head=head, relation=relation)
            yield Item(
                conversation.id or identity,
                result_key(identity, model, task, relation),
                _Input(text),
                {"conversation": identity, "engine": "comet", "relation": relation},
            )


@dataclass(frozen=True, slots=True)
class _Input:
    text: str

    def __call__(self) -> tuple[Message, ...]:
        return (Message("user", (self.text,)),)


async def comet_async(
    conversations: Sequence[Conversation],
    model: str,
    journal: Path,
    options: CometOptions | None = None,
    *,
    device: str = "auto",
    batch_size: int = 16,
    **run: Any,
) -> tuple[list[dict[str, Any]], Summary]:
    """Infer the five relations with a COMET checkpoint.

    Args:
        model: a folder or a hub id.
        journal: where answers are kept; may be the one that `llm_tools.infer` writes.
        device: ``auto``, ``cpu`` or ``cuda``.
        batch_size: inputs generated at once.
        run: further arguments of `run_batch_async`.

    Returns:
        rows: as `llm_tools.infer.infer_async` gives them, with the engine ``comet`` and no intention, which
            COMET does not tell.
        summary: what was done; its `items` are generations, five a conversation.

    Raises:
        ModelError: the checkpoint cannot be loaded.
    """
    options = options or CometOptions()
    task = options.task()
    backend = Seq2SeqBackend(model, beams=options.beams, batch_size=batch_size, device=device)
    await backend.check()
    items = list(comet_items(conversations, task, model, options.history))
    try:
        run.setdefault("concurrency", 4 * batch_size)
        summary = await run_batch_async(items, task, backend, journal, **run)
    finally:
        await backend.aclose()
    return _rows(items, answered_rows(journal)), summary


def comet(
    conversations: Sequence[Conversation],
    model: str,
    journal: Path,
    options: CometOptions | None = None,
    **settings: Any,
) -> tuple[list[dict[str, Any]], Summary]:
    """`comet_async` for callers without an event loop."""
    return run_to_end(comet_async(conversations, model, journal, options, **settings))


def _rows(items: Sequence[Item], answers: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One row for every conversation of which all five relations are there."""
    rows = []
    for start in range(0, len(items), len(RELATIONS)):
        group = items[start : start + len(RELATIONS)]
        found = [answers[item.key] for item in group if item.key in answers]
        if len(found) == len(RELATIONS):
            rows.append(_folded(group[0].id, found))
    return rows


def _folded(conversation_id: str, answers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    last = max(answers, key=lambda answer: str(answer["time"]))
    kept = ("conversation", "engine", "model", "prompt", "options", "time")
    row = {"id": conversation_id} | {name: last[name] for name in kept}
    counts = ("calls", "prompt_tokens", "completion_tokens")
    row["usage"] = {name: sum(answer["usage"][name] for answer in answers) for name in counts}
    row["inferences"] = {answer["relation"]: answer["answer"]["phrases"] for answer in answers}
    return row | {"intention": None}
