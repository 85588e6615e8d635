"""A file of JSON lines that only grows, whose torn end is cut off when it is opened again."""

import json
import logging
from collections.abc import Iterable, Iterator
from itertools import islice
from os import fsync
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from retriever.errors import InputError

__all__ = ["RecordFile", "read_lines"]

logger = logging.getLogger(__name__)

Line = dict[str, Any]


class RecordFile:
    """Open a file to append to; use it as a context manager.

    Args:
        path: made if it is not there.
        durable: flush to the disk at every `append`, so that not even a power cut loses it.

    Attributes:
        n: lines in it.
    """

    def __init__(self, path: Path, durable: bool = True) -> None:
        self.path = path
        self._durable = durable
        self.n = _cut_to_whole_lines(path)
        self._file = path.open("ab")

    def append(self, lines: Iterable[Line]) -> None:
        """Add lines, in one write; they are on disk when this returns."""
        written = [json.dumps(line, ensure_ascii=False) + "\n" for line in lines]
        self._file.write("".join(written).encode("utf-8", "surrogatepass"))
        self._file.flush()
        if self._durable:
            fsync(self._file.fileno())
        self.n += len(written)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


def read_lines(path: Path, limit: int | None = None) -> Iterator[Line]:
    """The first lines of a file, one after the other; nothing where there is no file.

    Raises:
        InputError: a line is no JSON object, or the last one is torn; says which.
    """
    if not path.is_file():
        return
    with path.open("rb") as file:
        for number, line in enumerate(islice(file, limit), start=1):
            try:
                parsed = json.loads(line.decode("utf-8", "surrogatepass")) if line.endswith(b"\n") else None
            except ValueError:
                parsed = None
            if not isinstance(parsed, dict):
                raise InputError(
                    f"{path}, line {number}: damaged record; delete the folder and evaluate again"
                )
            yield parsed


def _cut_to_whole_lines(path: Path) -> int:
    """Cut an unfinished last line off; gives the number of lines."""
    if not path.is_file():
        return 0
    lines = good = 0
    with path.open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                lines, good = lines + 1, good + len(line)
    if good < path.stat().st_size:
        logger.info("cut an unfinished record off %s", path)
        with path.open("r+b") as file:
            file.truncate(good)
            fsync(file.fileno())
    return lines
