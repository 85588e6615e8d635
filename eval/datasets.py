"""Datasets in the native format: one conversation a line, with the sticker that was really sent.

A dataset is a folder with any of ``train.jsonl``, ``valid.jsonl``, ``test.jsonl``, or one ``.jsonl`` file.
A row is a conversation (`retriever.conversations`) plus, each optional: ``sticker`` (the gold's id),
``candidates`` (ids, the gold among them), and what the sticker must express: ``emotion``, ``emoji`` or
``intention`` (also read as ``intent``).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, StrictStr, ValidationError

from retriever.conversations import Row, parse_conversation, read_rows, say_what_is_wrong
from retriever.errors import ConversationError, InputError
from retriever.types import Conversation

__all__ = ["SPLITS", "Dataset", "Sample", "SampleReader", "count_lines", "open_dataset", "parse_sample"]

SPLITS = ("train", "valid", "test")


@dataclass(frozen=True, slots=True)
class Sample:
    """One conversation and what is known of the right answer.

    Attributes:
        conversation: its `id` is unique in the file.
        gold: id of the sticker that was sent.
        candidates: ids to rank, without repetition, or None where the row has none.
        emotion, emoji, intention: the label that the sticker must express.
    """

    conversation: Conversation
    gold: str | None = None
    candidates: tuple[str, ...] | None = None
    emotion: str | None = None
    emoji: str | None = None
    intention: str | None = None


@dataclass(frozen=True, slots=True)
class Dataset:
    """One split of a dataset on disk.

    Attributes:
        name: the folder's name, or the file's without its suffix.
        split: one of `SPLITS`, or "" for a single file.
        path: the ``.jsonl`` file.
        train_path: the train split beside it, where there is one and this is not it.
    """

    name: str
    split: str
    path: Path
    train_path: Path | None = None

    def samples(self, strict: bool = False) -> "SampleReader":
        """A fresh reader; see `SampleReader`."""
        return SampleReader(self.path, strict)


def open_dataset(path: str | Path, split: str | None = None) -> Dataset:
    """Find a split of a dataset; nothing is read yet.

    Args:
        path: a folder with split files, or one ``.jsonl`` file.
        split: which one; None takes ``valid`` from a folder (or the only split there is).

    Raises:
        InputError: nothing there, no such split (the message lists those there are), or a split
            asked of a file of another name.
    """
    place = Path(path).expanduser()
    if place.is_file():
        if split is not None and place.stem != split:
            raise InputError(f"{place} is one file without a split {split!r}; leave the split out")
        return Dataset(place.stem, "", place)
    if not place.is_dir():
        raise InputError(f"there is no dataset at {place}; give a folder with valid.jsonl, or a .jsonl file")
    there = {name: place / f"{name}.jsonl" for name in SPLITS if (place / f"{name}.jsonl").is_file()}
    if not there:
        raise InputError(f"{place} holds none of {', '.join(f'{name}.jsonl' for name in SPLITS)}")
    wanted = split or ("valid" if "valid" in there or len(there) > 1 else next(iter(there)))
    if wanted not in there:
        raise InputError(f"{place} has no split {wanted!r}; it has {', '.join(there)}")
    train = there.get("train") if wanted != "train" else None
    return Dataset(place.resolve().name, wanted, there[wanted], train)


class SampleReader:
    """Samples of one file, lazily, with the rows that cannot be used counted and kept in words.

    Iterate it; a second iteration starts over. After it (or during it), `problems` says what was left out.

    Args:
        path: a ``.jsonl`` file.
        strict: raise at the first bad row instead of counting it.
    """

    def __init__(self, path: Path, strict: bool = False) -> None:
        self.path = path
        self.strict = strict
        self.problems: list[ConversationError] = []

    def __iter__(self) -> Iterator[Sample]:
        """Raises ConversationError, naming file, line and field, at a bad row where `strict`."""
        self.problems = []
        seen: dict[str, int] = {}
        with self.path.open("rb") as lines:
            for row in read_rows(lines, str(self.path), None if self.strict else self.problems.append):
                try:
                    sample = parse_sample(row)
                    first = seen.setdefault(sample.conversation.id, row.line)
                    if first != row.line:
                        raise ConversationError(
                            f"id: {sample.conversation.id!r} stands on line {first} already"
                        )
                except ConversationError as error:
                    problem = ConversationError(f"{self.path}, line {row.line}: {error}")
                    if self.strict:
                        raise problem from None
                    self.problems.append(problem)
                else:
                    yield sample


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
    )


_Id = Annotated[StrictStr, Field(min_length=1)]


class _Answer(BaseModel):
    model_config = ConfigDict(extra="ignore")
    sticker: _Id | None = None
    candidates: list[_Id] | None = None
    emotion: _Id | None = None
    emoji: _Id | None = None
    intention: _Id | None = Field(default=None, validation_alias=AliasChoices("intention", "intent"))


def _check_candidates(candidates: list[str]) -> None:
    if not candidates:
        raise ConversationError("candidates is empty; give the stickers to rank, or leave the field out")
    repeated = {candidate for candidate in candidates if candidates.count(candidate) > 1}
    if repeated:
        # a gold that stands twice among ten would be found twice as easily
        raise ConversationError(f"candidates: {min(repeated)!r} stands there more than once")


def count_lines(path: Path) -> int:
    """Lines of a file, for a progress bar's total."""
    with path.open("rb") as file:
        chunks: Iterator[bytes] = iter(lambda: file.read(1 << 20), b"")
        return sum(chunk.count(b"\n") for chunk in chunks)
