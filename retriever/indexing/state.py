"""What the stickers journal says is in the library, folded to one line a sticker."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from retriever.store import journal
from retriever.store.described import merge
from retriever.store.paths import LibraryPaths
from retriever.store.rows import from_row
from retriever.types import Sticker


@dataclass(frozen=True, slots=True)
class Entry:
    """One sticker of the library; its journal row is kept as bytes, a tenth of its size as objects."""

    source: str
    sha256: str
    line: bytes

    @property
    def row(self) -> dict[str, Any]:
        """The journal row: the sticker's own fields and ``op``, ``source``, ``look``."""
        row: dict[str, Any] = json.loads(self.line)
        return row

    def sticker(self) -> Sticker:
        """The sticker as its pack describes it."""
        return from_row(self.row)


def put_row(source: str, sticker_row: dict[str, Any], look: str) -> dict[str, Any]:
    """The journal row that puts a sticker into the library, new or changed."""
    return {"op": "put", "source": source, **sticker_row, "look": look}


def drop_row(source: str, sticker_id: str) -> dict[str, Any]:
    """The journal row that takes a sticker out of the library."""
    return {"op": "drop", "source": source, "id": sticker_id}


def is_state_row(row: dict[str, Any]) -> bool:
    """Whether `row` can stand in the stickers journal."""
    keys = {"put": _PUT_KEYS, "drop": _DROP_KEYS}.get(str(row.get("op")))
    return keys is not None and all(isinstance(row.get(key), str) for key in keys)


_DROP_KEYS = ("source", "id")
_PUT_KEYS = (*_DROP_KEYS, "pack", "sha256", "path", "look")


class State:
    """The stickers of the library by id, read from its journal.

    Raises:
        LibraryDamaged: a line of the journal cannot be read.
    """

    def __init__(self, paths: LibraryPaths) -> None:
        self.entries: dict[str, Entry] = {}
        self.lines = 0
        for row in journal.read(paths.stickers, is_state_row):
            self.apply(row)

    def apply(self, row: dict[str, Any]) -> None:
        """Take one journal row into account."""
        self.lines += 1
        if row["op"] == "put":
            self.entries[row["id"]] = Entry(row["source"], row["sha256"], journal.encode(row))
        else:
            self.entries.pop(row["id"], None)

    def apply_line(self, line: bytes) -> None:
        """Take one journal row, as it is written, into account."""
        self.apply(json.loads(line))

    @property
    def dead_lines(self) -> int:
        """Lines of the journal that later lines replaced."""
        return self.lines - len(self.entries)

    def rows(self) -> Iterator[dict[str, Any]]:
        """The rows of all stickers, by id."""
        for sticker_id in sorted(self.entries):
            yield self.entries[sticker_id].row

    def sources(self) -> list[str]:
        """Where the stickers came from."""
        return sorted({entry.source for entry in self.entries.values()})


def library_stickers(state: State, found: Mapping[str, Mapping[str, Any]]) -> list[Sticker]:
    """All stickers sorted by id, with what OCR and models wrote (`described.collect`) filled in."""
    return [
        merge(state.entries[sticker_id].sticker(), found.get(state.entries[sticker_id].sha256, {}))
        for sticker_id in sorted(state.entries)
    ]
