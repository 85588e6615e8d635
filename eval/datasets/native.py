"""The native format: one conversation a line, with the sticker that was really sent."""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, StrictStr, ValidationError

from eval.datasets.reader import RawRow
from eval.datasets.samples import Sample
from eval.datasets.seen import SeenIds
from retriever.conversations import Row, parse_conversation, read_rows, say_what_is_wrong
from retriever.errors import ConversationError

__all__ = ["native_rows", "parse_sample"]


def native_rows(path: Path) -> Iterator[RawRow]:
    """The rows of a native file, as `eval.datasets.reader.SampleReader` takes them."""
    seen = SeenIds()
    unreadable: list[ConversationError] = []
    with path.open("rb") as lines:
        for row in read_rows(lines, str(path), unreadable.append):
            yield from _drained(unreadable)
            yield RawRow(f"line {row.line}", partial(_one, row, seen))
        yield from _drained(unreadable)


def parse_sample(row: Row) -> Sample:
    """One row of a dataset; without ``id`` it is called ``line-N``.

    Raises:
        ConversationError: names the field, not the file.
    """
    conversation = parse_conversation(row.fields | {"id": row.fields.get("id", f"line-{row.line}")})
    try:
        answer = _Answer.model_validate(row.fields)
    except ValidationError as error:
        raise ConversationError(say_what_is_wrong(error)) from None
    candidates = answer.candidates
    if candidates is not None:
        _check_candidates(candidates)
    return Sample(
        conversation,
        gold=answer.sticker,
        candidates=None if candidates is None else tuple(candidates),
        emotion=answer.emotion,
        emoji=answer.emoji,
        intention=answer.intention,
        dialogue=answer.dialogue,
    )


def _one(row: Row, seen: SeenIds) -> Sequence[Sample]:
    sample = parse_sample(row)
    first = seen.first_line(sample.conversation.id, row.line)
    if first != row.line:
        raise ConversationError(f"id: {sample.conversation.id!r} stands on line {first} already")
    return (sample,)


def _drained(errors: list[ConversationError]) -> Iterator[RawRow]:
    while errors:
        yield RawRow(None, partial(_raise, errors.pop(0)))


def _raise(error: ConversationError) -> Sequence[Sample]:
    raise error


def _number_as_text(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


_Id = Annotated[StrictStr, Field(min_length=1)]


class _Answer(BaseModel):
    model_config = ConfigDict(extra="ignore")
    sticker: _Id | None = None
    candidates: list[_Id] | None = None
    emotion: _Id | None = None
    emoji: _Id | None = None
    intention: _Id | None = Field(default=None, validation_alias=AliasChoices("intention", "intent"))
    dialogue: Annotated[_Id | None, BeforeValidator(_number_as_text)] = None


def _check_candidates(candidates: list[str]) -> None:
    if not candidates:
        raise ConversationError("candidates is empty; give the stickers to rank, or leave the field out")
    repeated = {candidate for candidate in candidates if candidates.count(candidate) > 1}
    if repeated:
        # a gold that stands twice among ten would be found twice as easily
        raise ConversationError(f"candidates: {min(repeated)!r} stands there more than once")
