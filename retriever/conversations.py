"""Conversations as they come from outside: JSON rows and JSON Lines, checked where they enter.

A row is one JSON object with the talk under one of two names:

- ``utterances``: a list of ``{"speaker": ..., "text": ...}``, or of plain strings (two take turns);
- ``messages``: the chat-completion shape, ``{"role": ..., "content": ...}`` with an optional ``name``.

and optionally ``id``, ``mode`` (``reply`` or ``supplement``) and ``reply_speaker``; others are left alone.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import sha256
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, StrictStr, ValidationError

from retriever.errors import ConversationError
from retriever.labels import Mode
from retriever.types import Conversation, Utterance

__all__ = [
    "Row",
    "conversation_hash",
    "parse_conversation",
    "read_conversations",
    "read_rows",
    "say_what_is_wrong",
]

OnError = Callable[[ConversationError], None]

# Instructions to a model and its tool traffic are not talk between people.
_NOT_TALK = frozenset({"system", "developer", "tool", "function"})


class Row(NamedTuple):
    """One JSON object of a JSON Lines source and the line it stood on (1 is the first)."""

    line: int
    fields: dict[str, Any]


_WANTED = {
    "string_type": "expected text",
    "list_type": "expected a list",
    "model_type": "expected an object",
}


class _Utterance(BaseModel):
    model_config = ConfigDict(extra="ignore")
    speaker: StrictStr
    text: StrictStr


def _speakers_taking_turns(talk: Any) -> Any:
    """Plain strings as utterances of A and B in turn; anything else as it is."""
    if not isinstance(talk, list) or not any(isinstance(item, str) for item in talk):
        return talk
    odd = next((i for i, item in enumerate(talk) if not isinstance(item, str)), None)
    if odd is not None:
        raise ValueError(f"plain strings are mixed with {_kind(talk[odd])} at position {odd}")
    return [{"speaker": "AB"[i % 2], "text": text} for i, text in enumerate(talk)]


def _words_of(content: Any) -> Any:
    """The text of a message; parts that are not text (images, audio) have none, and neither has null."""
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict)]
        return " ".join(text for text in parts if isinstance(text, str))
    return "" if content is None else content


def _number_as_text(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


class _Message(BaseModel):
    model_config = ConfigDict(extra="ignore")
    role: StrictStr
    content: Annotated[StrictStr, BeforeValidator(_words_of)] = ""
    name: StrictStr | None = None


class _ConversationRow(BaseModel):
    model_config = ConfigDict(extra="ignore")
    id: Annotated[StrictStr, BeforeValidator(_number_as_text)] = ""
    utterances: Annotated[list[_Utterance] | None, BeforeValidator(_speakers_taking_turns)] = None
    messages: list[_Message] | None = None
    mode: Mode = "reply"
    reply_speaker: StrictStr | None = None


def conversation_hash(conversation: Conversation) -> str:
    """32 hex digits over what was said by whom, the mode and who answers; id and inferences do not count."""
    said = [[utterance.speaker, utterance.text] for utterance in conversation.utterances]
    identity = json.dumps([said, conversation.mode, conversation.reply_speaker])
    return sha256(identity.encode("ascii")).hexdigest()[:32]


def parse_conversation(row: Mapping[str, Any]) -> Conversation:
    """One row of JSON as a conversation.

    Without ``reply_speaker`` the sender is the last speaker in mode ``supplement``; in mode ``reply`` it is
    the most recent speaker other than the last one (``assistant`` for ``messages`` by one other role).

    Raises:
        ConversationError: a field is missing, of the wrong type, or contradicts another; names the field.
    """
    if not isinstance(row, Mapping):
        raise ConversationError(f"got {_kind(row)}; expected an object with utterances")
    if (row.get("utterances") is None) == (row.get("messages") is None):
        found = ", ".join(sorted(map(str, row))) or "no field at all"
        which = "both utterances and messages" if row.get("messages") is not None else found
        raise ConversationError(f"expected either utterances or messages; found {which}")
    try:
        parsed = _ConversationRow.model_validate(dict(row))
    except ValidationError as error:
        raise ConversationError(say_what_is_wrong(error)) from None
    utterances, last_resort = _talk(parsed)
    sender = parsed.reply_speaker or _sender(utterances, parsed.mode, last_resort)
    if parsed.mode == "supplement" and utterances and sender != utterances[-1].speaker:
        raise ConversationError(
            f"mode is supplement, so the last utterance is the sender's own, but reply_speaker is {sender!r} "
            f"and the last utterance is by {utterances[-1].speaker!r}; use mode reply"
        )
    return Conversation(utterances, mode=parsed.mode, reply_speaker=sender, id=str(parsed.id))


def read_rows(lines: Iterable[str | bytes], origin: str, on_error: OnError | None = None) -> Iterator[Row]:
    """JSON objects of a JSON Lines source, lazily; blank lines are passed over.

    Args:
        lines: text, or bytes in UTF-8 (a byte order mark is accepted), such as an open file.
        origin: what to call the source in messages.
        on_error: called with each bad line, which is then left out; None raises it.

    Raises:
        ConversationError: a line is not a JSON object, and `on_error` is None; names origin and line.
    """
    for number, line in enumerate(lines, start=1):
        try:
            text = line.decode("utf-8") if isinstance(line, bytes) else line
            text = text.removeprefix("\ufeff") if number == 1 else text
            if not text.strip():
                continue
            fields = json.loads(text)
            if not isinstance(fields, dict):
                raise ValueError(f"got {_kind(fields)}; expected one JSON object a line")
        except json.JSONDecodeError as error:
            _raise_or_hand(f"not JSON ({error.msg}); expected an object a line", origin, number, on_error)
        except UnicodeDecodeError:
            _raise_or_hand("not UTF-8 text; expected one JSON object a line", origin, number, on_error)
        except (ValueError, RecursionError) as error:
            _raise_or_hand(str(error), origin, number, on_error)
        else:
            yield Row(number, fields)


def read_conversations(
    lines: Iterable[str | bytes], origin: str, on_error: OnError | None = None
) -> Iterator[Conversation]:
    """Conversations of a JSON Lines source, lazily; one without ``id`` is called ``line-N``.

    Args:
        lines, origin, on_error: as in `read_rows`.

    Raises:
        ConversationError: a line cannot be used, and `on_error` is None; names origin, line and field.
    """
    for number, fields in read_rows(lines, origin, on_error):
        try:
            conversation = parse_conversation(fields | {"id": fields.get("id", f"line-{number}")})
        except ConversationError as error:
            _raise_or_hand(str(error), origin, number, on_error)
        else:
            yield conversation


def say_what_is_wrong(error: ValidationError) -> str:
    """The first complaint of pydantic on one line: the field's name, what was got, what was expected."""
    first = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] == "missing":
        return f"{where} is missing"
    wanted = _WANTED.get(first["type"], first["msg"].removeprefix("Value error, "))
    return f"{where}: got {_kind(first['input'])}; {wanted}"


def _raise_or_hand(message: str, origin: str, line: int, on_error: OnError | None) -> None:
    error = ConversationError(f"{origin}, line {line}: {message}")
    if on_error is None:
        raise error
    on_error(error)


def _talk(row: _ConversationRow) -> tuple[tuple[Utterance, ...], str | None]:
    """The utterances, and who sends when nothing else tells."""
    if row.messages is not None:
        said = [message for message in row.messages if message.role not in _NOT_TALK]
        return tuple(
            Utterance(message.name or message.role, message.content) for message in said
        ), "assistant"
    turns = tuple(Utterance(item.speaker, item.text) for item in row.utterances or [])
    plain = all(turn.speaker == "AB"[i % 2] for i, turn in enumerate(turns))
    return turns, "B" if plain else None


def _sender(utterances: tuple[Utterance, ...], mode: Mode, last_resort: str | None) -> str | None:
    if not utterances:
        return None
    last = utterances[-1].speaker
    if mode == "supplement":
        return last
    others = (utterance.speaker for utterance in reversed(utterances) if utterance.speaker != last)
    return next(others, last_resort if last_resort != last else None)


def _kind(value: object) -> str:
    """What a JSON value is, for messages: its kind, and the value where it is short."""
    if value is None:
        return "null"
    names: dict[type, str] = {dict: "an object", list: "a list", bool: "a boolean", str: "text"}
    if isinstance(value, str | bool | int | float) and len(repr(value)) <= 40:
        return f"{names.get(type(value), 'the number')} {value!r}"
    return names.get(type(value), f"a {type(value).__name__}")
