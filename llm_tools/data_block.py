"""Other people's words inside a prompt: bounded, visible, unable to end the block that marks them as data.

Captions, OCR, documents and conversations are written by anybody. They stand between tags as JSON, one object
a line, and no character of theirs can look like a tag: every angle bracket is spelled as a JSON escape, and
so is a square bracket that begins something like ``[INST]``. That also takes the power from special tokens
(``<|im_end|>``), which many servers recognise inside plain text.
"""

import json
import re
import unicodedata
from collections.abc import Sequence

from retriever.types import Conversation

__all__ = ["MAX_TEXT", "block", "conversation_block", "plain", "quoted", "sticker_line"]

MAX_TEXT = 500
"""Characters of one message or one sticker's document that a model is shown."""

_ANGLES = re.compile("[<>＜＞﹤﹥〈〉⟨⟩‹›《》«»]")
_CONTROL_WORD = re.compile(r"\[(?=/?[A-Za-z_]{2,24}\])")
_TOKEN_TAG = re.compile(r"<(?=[|｜/A-Za-z_])")
_TOKEN_WORD = re.compile(r"\[(?=/?[A-Za-z]*[A-Z_]{3,24}\])")
_ZERO_WIDTH_JOINER = "\u200d"  # part of many emoji


def _visible(text: str) -> str:
    """`text` on one line, without control, invisible and broken characters; they become spaces."""
    kept = (
        character
        if character == _ZERO_WIDTH_JOINER or unicodedata.category(character) not in _INVISIBLE
        else " "
        for character in text
    )
    return " ".join("".join(kept).split())


_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


def _escape(found: "re.Match[str]") -> str:
    return f"\\u{ord(found.group()):04x}"


def quoted(text: str, limit: int = MAX_TEXT) -> str:
    """`text` as a JSON string that reads back as `text` made visible and cut to `limit` characters."""
    seen = _visible(text[: 4 * limit])
    if len(seen) > limit:
        seen = seen[: limit - 1] + "…"
    return _CONTROL_WORD.sub(_escape, _ANGLES.sub(_escape, json.dumps(seen, ensure_ascii=False)))


def plain(text: str, limit: int = 4 * MAX_TEXT) -> str:
    """`text` as somebody's turn in a chat: visible, on one line, nothing in it a special token to a server.

    ``<|im_end|>`` and ``[INST]`` lose their first bracket to one that only looks like it; ``<3`` stays.
    """
    seen = _visible(text[: 4 * limit])[:limit]
    return _TOKEN_WORD.sub("［", _TOKEN_TAG.sub("‹", seen))


def sticker_line(number: int, text: str) -> str:
    """One sticker of a block: its number and what is known of it."""
    return f'{{"number": {number}, "sticker": {quoted(text)}}}'


def block(tag: str, lines: Sequence[str]) -> str:
    """Lines made by the functions of this module, between ``<tag>`` and ``</tag>``."""
    return "\n".join([f"<{tag}>", *lines, f"</{tag}>"])


def conversation_block(conversation: Conversation, history: int = 10) -> str:
    """The last `history` messages that have text, one JSON object a line, and who sends the sticker how."""
    said = [utterance for utterance in conversation.utterances if utterance.text.strip()][-history:]
    lines = [f'{{"speaker": {quoted(turn.speaker, 60)}, "text": {quoted(turn.text)}}}' for turn in said]
    sender = quoted(conversation.reply_speaker or "the other person", 60)
    how = "adds to their own last message" if conversation.mode == "supplement" else "answers"
    return block("conversation", [*lines, f'{{"next": {sender}, "how": "{how}"}}'])
