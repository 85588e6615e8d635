"""One writer at a time: a lock the system frees when its holder dies, beside a note of who that is."""

import json
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from filelock import FileLock, Timeout

from retriever.errors import LibraryLocked
from retriever.store.atomic import write_json
from retriever.store.paths import LibraryPaths


@contextmanager
def writer_lock(paths: LibraryPaths, timeout: float = 0.0) -> Iterator[None]:
    """Hold the library for writing.

    Args:
        timeout: seconds to wait for another writer; 0 refuses at once.

    Raises:
        LibraryLocked: somebody else writes; the message names process, host, command and start.
    """
    paths.root.mkdir(parents=True, exist_ok=True)
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
        return f"process {note['pid']} on {note['host']} ({note['command']}), since {note['since']}"
    except (OSError, ValueError, KeyError):
        return "another process that has not said who it is yet"


def _self() -> dict[str, object]:
    return {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "command": " ".join([os.path.basename(sys.argv[0] or "python"), *sys.argv[1:]])[:200],  # noqa: PTH119
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
    }
