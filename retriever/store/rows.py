"""Stickers as JSON rows, and a file of such rows read one at a time."""

import json
import mmap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, overload

import numpy as np

from retriever.errors import LibraryDamaged
from retriever.types import Attributes, Sticker

_FIELDS = {field.name for field in fields(Sticker)}
_ALWAYS = {"id", "pack", "sha256", "path"}


def to_row(sticker: Sticker) -> dict[str, Any]:
    """A sticker as plain values, without its empty fields."""
    row = asdict(sticker)
    row["attributes"] = {key: value for key, value in row["attributes"].items() if value}
    return {key: value for key, value in row.items() if key in _ALWAYS or value not in (None, "", (), {}, [])}


def from_row(row: Mapping[str, Any]) -> Sticker:
    """The opposite of `to_row`; keys that are no field of a sticker are left out."""
    value = {key: item for key, item in row.items() if key in _FIELDS}
    value["attributes"] = Attributes(**row.get("attributes", {}))
    value["keywords"] = {lang: tuple(words) for lang, words in row.get("keywords", {}).items()}
    value["tags"] = tuple(row.get("tags", ()))
    return Sticker(**value)


def write_rows(folder: Path, stickers: Iterable[Sticker]) -> list[str]:
    """Write `stickers.jsonl`, `offsets.npy` and `ids.json` into `folder`; gives the ids in row order."""
    ids: list[str] = []
    offsets = [0]
    with (folder / "stickers.jsonl").open("wb") as file:
        for sticker in stickers:
            line = json.dumps(to_row(sticker), ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
            file.write(line)
            ids.append(sticker.id)
            offsets.append(offsets[-1] + len(line))
    np.save(folder / "offsets.npy", np.asarray(offsets, dtype=np.int64))
    (folder / "ids.json").write_text(json.dumps(ids, ensure_ascii=False), encoding="utf-8")
    return ids


class StickerRows(Sequence[Sticker]):
    """The stickers of an index, parsed when asked for, so that opening 100,000 of them costs nothing.

    Args:
        folder: what `write_rows` filled.

    Raises:
        LibraryDamaged: a file is missing, cut off, or not of the same writing as the others.
    """

    def __init__(self, folder: Path) -> None:
        try:
            self._offsets = np.load(folder / "offsets.npy")
            self.ids: list[str] = json.loads((folder / "ids.json").read_text(encoding="utf-8"))
            with (folder / "stickers.jsonl").open("rb") as file:
                self._bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if self.ids else b""
            if len(self._offsets) != len(self.ids) + 1 or self._offsets[-1] != len(self._bytes):
                raise ValueError("its files do not belong together")
        except (OSError, ValueError, EOFError, TypeError) as error:
            raise LibraryDamaged(
                f"the rows in {folder} cannot be read ({error}); run `sticker index --rebuild`"
            ) from error
        self._row_of = {sticker_id: row for row, sticker_id in enumerate(self.ids)}

    def __len__(self) -> int:
        return len(self.ids)

    @overload
    def __getitem__(self, index: int) -> Sticker: ...
    @overload
    def __getitem__(self, index: slice) -> list[Sticker]: ...
    def __getitem__(self, index: int | slice) -> Sticker | list[Sticker]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        row = range(len(self))[index]
        return from_row(json.loads(self._bytes[int(self._offsets[row]) : int(self._offsets[row + 1])]))

    def __iter__(self) -> Iterator[Sticker]:
        for row in range(len(self)):
            yield self[row]

    def row_of(self, sticker_id: str) -> int | None:
        """The row of a sticker, or None when the index has no such id."""
        return self._row_of.get(sticker_id)
