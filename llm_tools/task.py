"""What is asked of a model, over and over: the same question, answer form and settings for every item."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import Any, Literal

from pydantic import BaseModel

from llm_tools.backends.base import Message
from llm_tools.schema import schema_of
from retriever.errors import InputError

__all__ = ["POLICIES", "Item", "Policy", "Task", "result_key"]

Policy = Literal["guided", "free-then-guided", "free"]
POLICIES: tuple[Policy, ...] = ("guided", "free-then-guided", "free")
"""When decoding is forced into the schema: always, only to ask again, never. Answers are validated anyway."""


@dataclass(frozen=True)
class Task:
    """Everything that all items of a run share.

    Attributes:
        name: ``describe``, ``infer``: names the rows.
        answer: the form of the answer.
        prompt_hash: identifies the prompt; part of every key and every row.
        reask: what is said after an answer that cannot be used; ``{problem}`` stands for what is wrong.
        max_tokens: the most tokens of an answer.
        max_tries: how often an item is asked, the first time included.
        options: further settings that change answers (image size, frames, ...); part of every key.
        extra: further fields of the request body.
    """

    name: str
    answer: type[BaseModel]
    prompt_hash: str
    reask: str
    max_tokens: int = 384
    temperature: float = 0.0
    seed: int = 0
    policy: Policy = "guided"
    max_tries: int = 3
    options: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.policy not in POLICIES:
            raise InputError(f"policy is {self.policy!r}; expected one of {', '.join(POLICIES)}")
        if self.max_tries < 1:
            raise InputError(f"max_tries is {self.max_tries}; expected 1 or more")

    @cached_property
    def schema(self) -> dict[str, Any]:
        """The JSON schema of the answer."""
        return schema_of(self.answer)

    @cached_property
    def all_options(self) -> dict[str, Any]:
        """Every setting that may change an answer, as it is written to the rows."""
        settings = {
            "max_tokens": self.max_tokens,
            "temperature": self.temperature,
            "seed": self.seed,
            "policy": self.policy,
        }
        return settings | dict(self.options) | ({"extra": dict(self.extra)} if self.extra else {})


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to ask about.

    Attributes:
        id: for people; need not be unique.
        key: what makes an answer reusable; two items with one key are asked about once.
        messages: makes the prompt; runs in a worker thread, so it may read and shrink images.
        facts: written into the row beside the answer.
    """

    id: str
    key: str
    messages: Callable[[], Sequence[Message]]
    facts: Mapping[str, Any] = field(default_factory=dict)


def result_key(content_hash: str, model: str, task: Task, part: str = "") -> str:
    """The identity of an answer: 32 hex digits over what is asked about, model, prompt, settings and part.

    Args:
        content_hash: SHA-256 of the image's bytes, or the conversation's hash.
        model: the model id.
        part: which of several questions about the same content.
    """
    identity = [content_hash, model, task.name, task.prompt_hash, part, task.all_options]
    return sha256(json.dumps(identity, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:32]
