"""Stickers to rows and back, and a file of them read one at a time."""

from pathlib import Path

import numpy as np
import pytest

from retriever.errors import LibraryDamaged
from retriever.store.rows import StickerRows, from_row, to_row, write_rows
from retriever.types import Attributes, Sticker

FULL = Sticker(
    "猫/开心", "猫", "ab" * 32, "/p/猫.gif", "gif", 32, 48, 7, {"zh": "开心", "en": "happy"},
    {"zh": ("笑", "乐"), "en": ("smile",)}, "😀", "happiness", "joy", ("a", "b"),
    Attributes("挥手", "sitting", "smiling", '说："好"\n'), "一只猫", "CC0",
)  # fmt: skip
BARE = Sticker("", "", "", "")


@pytest.mark.parametrize("sticker", [FULL, BARE, Sticker("a", "p", "0", "/a", name={"en": ""})])
def test_there_and_back(sticker: Sticker) -> None:
    assert from_row(to_row(sticker)) == sticker


def test_empty_fields_take_no_room() -> None:
    assert to_row(BARE) == {"id": "", "pack": "", "sha256": "", "path": "", "kind": "png", "width": 0,
                            "height": 0, "n_frames": 1}  # fmt: skip


def test_unknown_keys_are_left_out() -> None:
    assert from_row({**to_row(FULL), "dhash": "00", "op": "put"}) == FULL


def test_a_file_of_rows(tmp_path: Path) -> None:
    stickers = [FULL, BARE, Sticker("z", "p", "1", "/z", description="x" * 5000)]
    assert write_rows(tmp_path, iter(stickers)) == ["猫/开心", "", "z"]
    rows = StickerRows(tmp_path)
    assert list(rows) == stickers
    assert len(rows) == 3
    assert rows[0] == FULL and rows[-1] == stickers[2]
    assert rows[1:] == stickers[1:] and rows[::-1] == stickers[::-1] and rows[5:] == []
    assert rows[np.int64(2)] == stickers[2]
    assert rows.row_of("z") == 2 and rows.row_of("nobody") is None
    with pytest.raises(IndexError):
        rows[3]


def test_no_rows_at_all(tmp_path: Path) -> None:
    write_rows(tmp_path, [])
    assert list(StickerRows(tmp_path)) == []


@pytest.mark.parametrize("name", ["stickers.jsonl", "offsets.npy", "ids.json"])
@pytest.mark.parametrize("damage", ["missing", "empty", "cut"])
def test_a_damaged_file_is_told(tmp_path: Path, name: str, damage: str) -> None:
    write_rows(tmp_path, [FULL, BARE])
    path = tmp_path / name
    data = path.read_bytes()
    path.unlink()
    if damage != "missing":
        path.write_bytes(b"" if damage == "empty" else data[:-3])
    with pytest.raises(LibraryDamaged, match="sticker index --rebuild"):
        StickerRows(tmp_path)
