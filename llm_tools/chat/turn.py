"""What is said in a chat, and the ways to answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from retriever.errors import ModelError
from retriever.types import Sticker

__all__ = ["Engine", "EngineName", "ToolsUnsupported", "Turn"]

EngineName = Literal["tools", "json"]


@dataclass(frozen=True, slots=True)
class Turn:
    """One answer.

    Attributes:
        heard: what it answers.
        say: the words; empty where there are none, `note` then says why.
        sticker: the sticker sent, or None.
        scores: what the scorers said of it, as far as they were asked.
        query: what the model looked for.
        engine: how the answer came about.
        note: what went wrong, for people; empty otherwise.
    """

    heard: str
    say: str
    engine: EngineName
    sticker: Sticker | None = None
    scores: Mapping[str, float] = field(default_factory=dict)
    query: str = ""
    note: str = ""


class ToolsUnsupported(ModelError):
    """The server does not take tools for this model."""


class Engine(Protocol):
    """A way to answer."""

    def respond(self, past: Sequence[Turn], text: str) -> Turn:
        """The answer to `text` after `past`.

        Raises:
            ToolsUnsupported: this way does not work with this server.
            ModelError: the model does not answer.
        """
        ...

    def close(self) -> None:
        """Free connections."""
        ...
