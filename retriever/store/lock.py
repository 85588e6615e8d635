"""One writer at a time: a lock the system frees when its holder dies, beside a note of who that is."""

import json
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from retriever.errors import InputError, LibraryLocked
from retriever.store.atomic import make_folder, write_json
from retriever.store.paths import LibraryPaths

FOLDER_LOCK = ".lock"
"""In a folder that `claim` has claimed."""

_UNKNOWN = "another process that has not said who it is yet"


@contextmanager
def writer_lock(paths: LibraryPaths, timeout: float = 0.3) -> Iterator[None]:
    """Hold the library for writing.

    Args:
        timeout: seconds to wait for another writer; a little, since `is_held` takes the lock for a moment.

    Raises:
        LibraryLocked: somebody else writes; the message names process, host, command and start.
    """
    make_folder(paths.root)
    lock = FileLock(paths.lock)
    try:
        lock.acquire(timeout=timeout, poll_interval=0.05)
    except Timeout:
        raise LibraryLocked(
            f"{paths.root} is being written by {describe_holder(paths)}; "
            "wait for it or stop it, then run again"
        ) from None
    try:
        write_json(paths.holder, _self())
        yield
    finally:
        paths.holder.unlink(missing_ok=True)
        lock.release()


def claim(folder: Path, doing: str) -> FileLock:
    """The lock on a folder of results, ``.lock`` in it, held until it is released or its holder dies.

    Args:
        folder: one that is there.
        doing: what its user does, for the message: ``training in``.

    Raises:
        InputError: another process holds it.
    """
    lock = FileLock(folder / FOLDER_LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise InputError(
            f"another process is {doing} {folder}; wait for it, or give another folder"
        ) from None
    return lock


def is_held(paths: LibraryPaths) -> str | None:
    """Who is writing the library right now, or None."""
    if not paths.lock.exists():
        return None
    lock = FileLock(paths.lock)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return describe_holder(paths)
    lock.release()
    return None


def describe_holder(paths: LibraryPaths) -> str:
    """Who holds the lock, from the note beside it."""
    try:
        note = json.loads(paths.holder.read_text(encoding="utf-8"))
        if note["host"] == socket.gethostname() and not _is_running(note["pid"]):
            return _UNKNOWN  # the note of a killed holder, not yet replaced
        return f"process {note['pid']} on {note['host']} ({note['command']}), since {note['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return _UNKNOWN


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # somebody else's process
    return True


def _self() -> dict[str, object]:
    return {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "command": " ".join([os.path.basename(sys.argv[0] or "python"), *sys.argv[1:]])[:200],  # noqa: PTH119
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
    }
