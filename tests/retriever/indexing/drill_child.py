"""What the drill's child processes do; forked from a parent without threads, ended by `os._exit`."""

import logging
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from retriever.indexing import encode, index_pack, scan
from retriever.store import chroma
from retriever.store.journal import JournalWriter
from retriever.store.lock import writer_lock
from retriever.store.paths import LibraryPaths

ENCODERS = ("tiny-text", "tiny-image")


class _Marks(logging.Handler):
    """Tells the parent when a stage begins."""

    def __init__(self, pipe: int) -> None:
        super().__init__()
        self._pipe = pipe

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if text.startswith("stage: "):
            os.write(self._pipe, text.removeprefix("stage: ").encode() + b"\n")


def fork(work: Callable[[int], None]) -> tuple[int, int]:
    """Run ``work(pipe)`` in a child; gives its process id and the reading end of the pipe.

    The child ends with status 0, or with 1 and the traceback on stderr.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child:
        os.close(writing)
        return child, reading
    os.close(reading)
    try:
        work(writing)
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)


def index(library: Path, pack: Path) -> Callable[[int], None]:
    """An indexing run in small steps, so that every stage takes long enough to be hit."""

    def work(pipe: int) -> None:
        scan.FLUSH_EVERY = 1
        encode.DOCUMENTS_AT_ONCE = encode.IMAGES_AT_ONCE = encode.SAVE_ROWS = 2
        chroma.BATCH = 5
        logger = logging.getLogger("retriever")
        logger.setLevel(logging.INFO)
        logger.addHandler(_Marks(pipe))
        index_pack(library, pack, encoders=ENCODERS, show_progress=False)

    return work


def describe(library: Path, rows: list[dict[str, Any]]) -> Callable[[int], None]:
    """Append rows to the attributes journal as a model job would; tells the parent each one that is safe."""

    def work(pipe: int) -> None:
        paths = LibraryPaths(library)
        with writer_lock(paths), JournalWriter(paths.attributes) as writer:
            for number, row in enumerate(rows):
                writer.append(row)
                writer.flush()
                os.write(pipe, f"{number}\n".encode())

    return work
