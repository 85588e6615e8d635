"""Rows on disk the moment they are known, with one writer: what survives a kill at any time."""

import asyncio
import json
import os
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from filelock import FileLock, Timeout

from retriever.errors import LibraryLocked
from retriever.store.journal import cut_torn_tail, encode, read

__all__ = ["FsyncPolicy", "Journal", "single_writer"]

FsyncPolicy = Literal["always", "interval", "never"]
"""When rows are forced to the disk: a killed process loses nothing anyway, a power cut the rest."""

_INTERVAL_S = 1.0


class Journal:
    """An append-only file of JSON rows, each handed to the system in one write.

    Use as an async context manager while holding `single_writer`. A torn last line, left by a process or a
    machine that stopped in the middle of a write, is cut off on opening.

    Args:
        path: the file; made with its folders when absent.
        fsync: ``always`` after every row, ``interval`` once a second, ``never`` leaves it to the system.
    """

    def __init__(self, path: Path, fsync: FsyncPolicy = "interval") -> None:
        self.path = path
        self._policy = fsync
        self._file: int | None = None
        self._dirty = False
        self._syncer: asyncio.Task[None] | None = None

    def rows(self) -> Iterator[dict[str, Any]]:
        """The finished rows, oldest first."""
        return read(self.path)

    async def __aenter__(self) -> Self:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        cut_torn_tail(self.path)
        self._file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        if self._policy == "interval":
            self._syncer = asyncio.create_task(self._sync_now_and_then())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._syncer is not None:
            self._syncer.cancel()
            await asyncio.gather(self._syncer, return_exceptions=True)
        if self._file is not None:
            if self._policy != "never":
                os.fsync(self._file)
            os.close(self._file)
            self._file = None

    def append(self, row: Mapping[str, Any]) -> None:
        """Hand one row to the system.

        Raises:
            OSError: the disk is full or gone; nothing half-written stays.
        """
        if self._file is None:
            raise RuntimeError("the journal is not open; use it in an `async with` block")
        line = encode(row)
        end = os.lseek(self._file, 0, os.SEEK_END)
        try:
            written = os.write(self._file, line)
            if written != len(line):
                raise OSError(
                    f"{self.path}: only {written} of {len(line)} bytes were written; is the disk full?"
                )
        except OSError:
            os.ftruncate(self._file, end)
            raise
        if self._policy == "always":
            os.fsync(self._file)
        self._dirty = True

    async def _sync_now_and_then(self) -> None:
        while True:
            await asyncio.sleep(_INTERVAL_S)
            if self._dirty and self._file is not None:
                self._dirty = False
                await asyncio.to_thread(os.fsync, self._file)


@contextmanager
def single_writer(path: Path) -> Iterator[None]:
    """Hold the journal at `path` for writing; the system lets go of it when the holder dies.

    Raises:
        LibraryLocked: another process writes it; the message says which.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    note = path.with_name(path.name + ".holder")
    lock = FileLock(path.with_name(path.name + ".lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise LibraryLocked(f"{path} is being written by {_holder(note)}; wait for it or stop it") from None
    try:
        note.write_text(json.dumps(_self()), encoding="utf-8")
        yield
    finally:
        note.unlink(missing_ok=True)
        lock.release()


def _holder(note: Path) -> str:
    try:
        found = json.loads(note.read_text(encoding="utf-8"))
        return f"process {found['pid']} on {found['host']} ({found['command']}), since {found['since']}"
    except (OSError, ValueError, KeyError):
        return "another process that has not said who it is yet"


def _self() -> dict[str, object]:
    return {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "command": " ".join([Path(sys.argv[0] or "python").name, *sys.argv[1:]])[:200],
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
    }
