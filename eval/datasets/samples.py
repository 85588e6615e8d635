"""What a dataset gives, whatever its format on disk: conversations and what is known of the right answer."""

from dataclasses import dataclass

from retriever.types import Conversation

__all__ = ["Sample"]


@dataclass(frozen=True, slots=True)
class Sample:
    """One conversation and what is known of the right answer.

    Attributes:
        conversation: its `id` is unique in the file.
        gold: id of the sticker that was sent.
        candidates: ids to rank, without repetition, or None where the row has none.
        emotion, emoji, intention: the label that the sticker must express.
        dialogue: what rows cut out of one longer talk have in common, or None where the data do not say.
    """

    conversation: Conversation
    gold: str | None = None
    candidates: tuple[str, ...] | None = None
    emotion: str | None = None
    emoji: str | None = None
    intention: str | None = None
    dialogue: str | None = None
