"""An append-only file of JSON lines: the record that survives a writer killed at any moment.

A line counts once its newline is on the disk. What follows the last newline was torn by a kill: readers
skip it, and the next writer cuts it off before it appends.
"""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from retriever.errors import LibraryDamaged
from retriever.store.atomic import make_folder, sync, temporary_beside, write_bytes

Row = dict[str, Any]
Check = Callable[[Row], bool]
"""Whether a row is one that its journal may hold."""


def any_row(row: Row) -> bool:
    """The `Check` that every JSON object passes."""
    return True


def encode(row: Mapping[str, Any]) -> bytes:
    """One row as one line."""
    return json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def read(path: Path, check: Check = any_row) -> Iterator[Row]:
    """The rows of the journal at `path`, oldest first; none when the file is absent.

    Raises:
        LibraryDamaged: a line that was finished is not a JSON object or fails `check`; names the line.
    """
    if not path.exists():
        return
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.endswith(b"\n"):
                return  # torn by a kill; never acknowledged
            row = _parse(line, check)
            if row is None:
                raise LibraryDamaged(
                    f"{path}, line {number}: not a row of this journal ({line[:40]!r}...); "
                    "run `sticker doctor --repair`"
                )
            yield row


def _parse(line: bytes, check: Check) -> Row | None:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) and check(row) else None


class JournalWriter:
    """Appends rows; use as a context manager while holding the library's lock.

    Rows are buffered: `flush` puts them on the disk, and leaving the block flushes.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: BinaryIO | None = None

    def __enter__(self) -> Self:
        make_folder(self.path.parent)
        cut_torn_tail(self.path)
        self._file = self.path.open("ab")
        sync(self.path.parent)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            try:
                self.flush()
            finally:
                self._file.close()
                self._file = None

    def append(self, row: Mapping[str, Any]) -> None:
        """Add one row to the buffer."""
        self.append_line(encode(row))

    def append_line(self, line: bytes) -> None:
        """Add one row, given as `encode` gives it, to the buffer."""
        if self._file is None:
            raise RuntimeError("the journal is not open; use it in a `with` block")
        self._file.write(line)

    def flush(self) -> None:
        """Put everything appended so far on the disk."""
        if self._file is not None:
            self._file.flush()
            os.fsync(self._file.fileno())


def cut_torn_tail(path: Path) -> int:
    """Remove what follows the last newline; gives the number of bytes removed."""
    if not path.exists():
        return 0
    with path.open("r+b") as file:
        size = end = file.seek(0, os.SEEK_END)
        while end > 0:
            start = max(0, end - 65536)
            file.seek(start)
            newline = file.read(end - start).rfind(b"\n")
            if newline >= 0:
                end = start + newline + 1
                break
            end = start
        if end < size:
            file.truncate(end)
            os.fsync(file.fileno())
    return size - end


def rewrite(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Replace the journal by `rows` in one step."""
    make_folder(path.parent)
    temporary = temporary_beside(path)
    with temporary.open("wb") as file:
        for row in rows:
            file.write(encode(row))
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync(path.parent)


def set_aside_damage(path: Path, check: Check = any_row) -> int:
    """Move unreadable lines to ``<name>.damaged`` beside the journal; gives how many.

    Nothing is deleted: a person can still look at what was there.
    """
    if not path.exists():
        return 0
    cut_torn_tail(path)
    good: list[bytes] = []
    bad: list[bytes] = []
    with path.open("rb") as file:
        for line in file:
            (good if _parse(line, check) is not None else bad).append(line)
    if bad:
        aside = path.with_name(path.name + ".damaged")
        write_bytes(aside, (aside.read_bytes() if aside.exists() else b"") + b"".join(bad))
        write_bytes(path, b"".join(good))
    return len(bad)
