"""Rows of a file that cannot be read: counted, or raised, where the file and the row are known."""

from collections import Counter
from collections.abc import Iterator, Sized
from contextlib import contextmanager
from pathlib import Path

from retriever.errors import ConversationError, InputError

__all__ = ["BadRows"]


class BadRows:
    """The bad rows of one file.

    Args:
        path: of the file, for messages.
        notes: where they are counted, as ``bad_rows``.
        strict: raise the first one.
    """

    def __init__(self, path: Path, notes: Counter[str], strict: bool) -> None:
        self.path = path
        self.notes = notes
        self.strict = strict
        self._first = ""

    @contextmanager
    def reading(self, line: int | None = None) -> Iterator[None]:
        """What is done inside with a row ends where the row turns out to be bad.

        Args:
            line: number of the row; None where errors say themselves which row it is.

        Raises:
            ConversationError: a bad row, where strict; names the file and the line too.
        """
        try:
            yield
        except ConversationError as error:
            place = "" if line is None else f"line {line}: "
            problem = ConversationError(f"{self.path}, {place}{error}")
            if self.strict:
                raise problem from None
            self.notes["bad_rows"] += 1
            self._first = self._first or str(problem)

    def require(self, samples: Sized) -> None:
        """See that something is left.

        Raises:
            InputError: there is no sample; says what was counted, and the first bad row.
        """
        if not len(samples):
            said = dict(self.notes) or "it is empty"
            raise InputError(f"{self.path}: no row can be used ({said}; {self._first})")
