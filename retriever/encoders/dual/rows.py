"""What every way of writing rows has: conversations, messages and documents as token ids."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

from retriever.encoders.dual.row import Row
from retriever.types import Conversation

__all__ = ["Cut", "Rows"]

Cut = Callable[[Sequence[str]], Sequence[list[int]]]
"""Texts to the ids of their words."""


class Rows(ABC):
    """One way of writing rows.

    Args:
        cut: texts to the ids of their words.
        max_tokens: longest row.
        turns: how many of the last utterances that are not empty are read.
    """

    def __init__(self, cut: Cut, max_tokens: int, turns: int) -> None:
        self._cut, self._max_tokens, self._turns = cut, max_tokens, turns

    @abstractmethod
    def conversation(self, conversation: Conversation) -> Row:
        """The last utterances; where they are too long, the oldest tokens go first."""

    @abstractmethod
    def message(self, text: str) -> Row:
        """Something that was said to us; where it is too long, its beginning goes."""

    @abstractmethod
    def document(self, text: str) -> Row:
        """A sticker's document; where it is too long, its end goes."""
