"""Samples of a file one after another, with what cannot be used counted and kept in words."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from eval.datasets.samples import Sample
from retriever.errors import ConversationError

__all__ = ["MOST", "LeftOut", "Prepare", "RawRow", "Rows", "SampleReader", "short"]


MOST = 1000
"""Problems that are kept in words, so that a file of bad rows does not fill the memory."""


class LeftOut(ConversationError):
    """A row that is in order but has nothing to ask, such as a talk without a word.

    Attributes:
        reason: a stable word for counting.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class RawRow(NamedTuple):
    """One row of a file, not looked at yet.

    Attributes:
        where: its place, for messages: ``line 3``; "" where `parse` names the row, None where it names
            the file as well.
        parse: its samples; raises ConversationError.
    """

    where: str | None
    parse: Callable[[], Sequence[Sample]]


Rows = Callable[[Path], Iterator[RawRow]]
Prepare = Callable[[], Callable[[Sample], Sample]]


class SampleReader:
    """Samples of one file, lazily; a format is a function from a path to its rows.

    Iterate it; a second iteration starts over. After it (or during it), `problems` says what was left out.

    Args:
        path: the file.
        strict: raise at the first bad row instead of counting it.
        rows: the format; None is the native one.
        prepare: called when an iteration begins; what it returns is done to every sample.

    Attributes:
        problems: for each of the first `MOST` rows that were left out, file and row, what was found and
            expected; `n_problems` says how many there are.
        notes: how many, by reason: ``bad_rows``, ``no_text``.
        remarks: likewise for rows that are kept though their candidates lack what was sent (they can still be
            judged over a library); `n_remarks` says how many there are.
    """

    def __init__(
        self, path: Path, strict: bool = False, rows: Rows | None = None, prepare: Prepare | None = None
    ) -> None:
        self.path = path
        self.strict = strict
        self.problems: list[ConversationError] = []
        self.notes: Counter[str] = Counter()
        self.remarks: list[str] = []
        self.n_remarks = 0
        self._rows = rows
        self._prepare = prepare

    def __iter__(self) -> Iterator[Sample]:
        """Raises ConversationError, naming file, row and field, at a bad row where `strict`."""
        from eval.datasets.native import native_rows

        self.problems, self.notes, self.remarks, self.n_remarks = [], Counter(), [], 0
        done = self._prepare() if self._prepare else None
        for row in (self._rows or native_rows)(self.path):
            try:
                found = row.parse()
            except ConversationError as error:
                problem = self._told(row, error)
                if self.strict and not isinstance(error, LeftOut):
                    raise problem from None
                if len(self.problems) < MOST:
                    self.problems.append(problem)
                self.notes[error.reason if isinstance(error, LeftOut) else "bad_rows"] += 1
            else:
                for sample in found:
                    self._look_at(row, sample)
                yield from map(done, found) if done else found

    @property
    def n_problems(self) -> int:
        """How many rows were left out."""
        return self.notes.total()

    def _look_at(self, row: RawRow, sample: Sample) -> None:
        if sample.gold is None or sample.candidates is None or sample.gold in sample.candidates:
            return
        self.n_remarks += 1
        if len(self.remarks) < MOST:
            listed = ", ".join(sample.candidates[:4]) + (", ..." if len(sample.candidates) > 4 else "")
            told = ConversationError(
                f"candidates: got {listed}; expected the gold {sample.gold!r} among them"
            )
            self.remarks.append(str(self._told(row, told)))

    def _told(self, row: RawRow, error: ConversationError) -> ConversationError:
        if row.where is None:
            return error
        place = f"{row.where}: " if row.where else ""
        return ConversationError(f"{self.path}, {place}{error}")


def short(value: object) -> str:
    """A value in a message."""
    return "nothing" if value is None else f"{type(value).__name__} {str(value)[:40]!r}"
