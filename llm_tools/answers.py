"""The forms an answer may have. Their schemas guide decoding; their validation is the last word."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from llm_tools.schema import text_pattern
from retriever.labels import EMOTIONS, INTENTIONS

__all__ = ["AttributeAnswer", "ConversationAnswer", "StickerAnswer", "unless_none"]

_NONE = frozenset({"", "none", "无", "無", "没有", "沒有", "n/a", "null"})


def _lower(value: Any) -> Any:
    return value.strip().lower() if isinstance(value, str) else value


def _plain(value: Any) -> Any:
    """Without the two characters that guided answers leave out because JSON would have to escape them."""
    return value.strip().replace('"', "'").replace("\\", "/") if isinstance(value, str) else value


Keywords = Annotated[str, Field(pattern=text_pattern(120)), BeforeValidator(_plain)]
Sentence = Annotated[str, Field(pattern=text_pattern(240)), BeforeValidator(_plain)]
Phrase = Annotated[str, Field(pattern=text_pattern(60)), BeforeValidator(_plain)]
Phrases = Annotated[list[Phrase], Field(min_length=1, max_length=3)]
Emotion = Annotated[Literal[EMOTIONS], BeforeValidator(_lower)]  # type: ignore[valid-type]
Intention = Annotated[Literal[INTENTIONS], BeforeValidator(_lower)]  # type: ignore[valid-type]


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class StickerAnswer(_Answer):
    """All about a sticker in one call."""

    gesture: Keywords
    posture: Keywords
    facial_expression: Keywords
    verbal: Keywords
    description: Sentence
    emotion: Emotion
    intention: Intention


class AttributeAnswer(_Answer):
    """One attribute of a sticker: one of the four turns of Int-RA (section IV-B)."""

    keywords: Keywords


class ConversationAnswer(_Answer):
    """The five relations and the intention of whoever is about to answer."""

    xIntent: Phrases
    xNeed: Phrases
    xWant: Phrases
    xReact: Phrases
    xEffect: Phrases
    intention: Intention


def unless_none(words: str) -> str:
    """`words` as they are; empty where the model says that there is none, as its prompt told it to."""
    return "" if words.strip(" .。").lower() in _NONE else words
