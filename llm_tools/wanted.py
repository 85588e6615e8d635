"""The sticker that a model would want to send: the form of its answer, as text, and as examples."""

import json
import random
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict

from llm_tools.answers import Keywords, Sentence, unless_none
from llm_tools.backends.base import Message
from llm_tools.data_block import conversation_block
from llm_tools.prompts import Prompt
from retriever.conversations import parse_conversation, read_rows
from retriever.documents import document
from retriever.errors import ConversationError, InputError
from retriever.types import Attributes, Conversation, Sticker

__all__ = ["WANTED_FIELDS", "Shot", "WantedSticker", "messages", "read_shots", "shots_hash", "wanted_text"]

WANTED_FIELDS = ("description", "verbal", "gesture", "posture", "facial_expression")
"""What the text of a wanted sticker and of a real one is made of, in this order."""

_UNWANTED = re.compile('[\x00-\x1f\x7f-\x9f\ud800-\udfff"\\\\]+')


class WantedSticker(BaseModel):
    """Int-RA's four attributes and one sentence, of a sticker that need not exist."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    gesture: Keywords
    posture: Keywords
    facial_expression: Keywords
    verbal: Keywords
    description: Sentence

    @classmethod
    def like(cls, sticker: Sticker, nothing: str = "none") -> Self:
        """What a model would have to say to mean `sticker`; `nothing` is for what is not described."""
        said = {name: getattr(sticker.attributes, name) for name in cls.model_fields if name != "description"}
        fitted = {name: _fitted(text, 120) or nothing for name, text in said.items()}
        return cls(**fitted, description=_fitted(sticker.description, 240) or _fitted(sticker.label, 240))


def _fitted(text: str, limit: int) -> str:
    return " ".join(_UNWANTED.sub(" ", text).split())[:limit]


def wanted_text(answer: Mapping[str, Any]) -> str:
    """An answer in the words and the order of a sticker's document; empty where it says nothing."""
    kept = {name: unless_none(str(answer[name])) for name in WANTED_FIELDS}
    description = kept.pop("description")
    return document(
        Sticker("", "", "", "", attributes=Attributes(**kept), description=description), WANTED_FIELDS
    )


@dataclass(frozen=True, slots=True)
class Shot:
    """One example: a conversation and the sticker that was really sent."""

    conversation: Conversation
    sticker: Sticker


def messages(
    conversation: Conversation, prompt: Prompt, shots: Sequence[Shot] = (), history: int = 6
) -> tuple[Message, ...]:
    """Head, the examples as turns that went well, then the question; examples come first to be shared."""
    nothing = "无" if prompt.language == "zh" else "none"
    turns = [Message("system", (prompt.system,))]
    for shot in shots:
        answer = WantedSticker.like(shot.sticker, nothing).model_dump_json()
        turns.append(_question(shot.conversation, prompt, history))
        turns.append(Message("assistant", (answer,)))
    return (*turns, _question(conversation, prompt, history))


def _question(conversation: Conversation, prompt: Prompt, history: int) -> Message:
    return Message("user", (conversation_block(conversation, history), prompt.question))


def shots_hash(shots: Sequence[Shot]) -> str:
    """Twelve hex digits that change with any example; empty without any."""
    if not shots:
        return ""
    shown = [
        [conversation_block(s.conversation), s.sticker.sha256, WantedSticker.like(s.sticker).model_dump()]
        for s in shots
    ]
    return sha256(json.dumps(shown, sort_keys=True).encode()).hexdigest()[:12]


def read_shots(path: str | Path, stickers: Iterable[Sticker], n: int, seed: int = 0) -> tuple[Shot, ...]:
    """`n` examples from a train split in the native format, drawn with `seed`.

    Drawn among the rows whose ``sticker`` is known and described. Take them from a train split: examples
    from the conversations that are measured would be the answers.

    Raises:
        InputError: the file cannot be read, or has fewer rows that can be used.
    """
    described = {sticker.id: sticker for sticker in stickers if sticker.description}
    found = []
    try:
        with Path(path).open("rb") as lines:
            for row in read_rows(lines, str(path), on_error=lambda _: None):
                sticker = described.get(str(row.fields.get("sticker")))
                if sticker is None:
                    continue
                try:
                    found.append(Shot(parse_conversation(row.fields), sticker))
                except ConversationError:
                    continue
    except OSError as error:
        raise InputError(
            f"{path} cannot be read ({error.strerror}); give a train split, a .jsonl file"
        ) from None
    if len(found) < n:
        raise InputError(
            f"{path} has {len(found)} rows with a described sticker of this library; {n} were wanted"
        )
    return tuple(random.Random(seed).sample(found, n))
