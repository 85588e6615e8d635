import json
from pathlib import Path
from typing import Any

import packs_samples as make
import pytest

from retriever.errors import PackError
from retriever.packs import Limits, PackEntry, Quarantined, open_pack
from retriever.types import Attributes

IMAGE = make.saved("PNG")


def write(root: Path, *rows: Any, text: bytes | None = None) -> Path:
    """A native pack with one image, `a.png`; each row is an object to write or a line as it is."""
    (root / "images").mkdir(parents=True, exist_ok=True)
    (root / "images/a.png").write_bytes(IMAGE)
    lines = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
    (root / "stickers.jsonl").write_bytes(
        text if text is not None else "".join(f"{x}\n" for x in lines).encode()
    )
    return root


def only(root: Path) -> PackEntry:
    (entry,) = open_pack(root)
    assert isinstance(entry, PackEntry)
    return entry


def reasons(root: Path, limits: Limits | None = None) -> list[tuple[str, str]]:
    items = open_pack(root, limits or Limits())
    return [(item.id, item.reason if isinstance(item, Quarantined) else "ok") for item in items]


def test_a_full_row(tmp_path: Path) -> None:
    row = {
        "id": "cats/1", "image": "images/a.png", "pack": "cats", "emoji": "😀", "emotion": "Happiness",
        "intention": "joy", "name": {"en": "smile", "zh": "笑"},
        "keywords": {"en": ["happy"], "zh": ["高兴", "乐"]},
        "tags": ["cat"], "description": "a cat\nsmiles", "license": "CC0", "unknown": [1],
        "attributes": {"gesture": "waves", "posture": "sits", "facial_expression": "smiles", "verbal": "hi"},
    }  # fmt: skip
    entry = only(write(tmp_path, row))
    said = entry.annotations
    assert (entry.id, entry.pack, entry.path) == ("cats/1", "cats", tmp_path / "images/a.png")
    assert entry.read() == IMAGE and entry.notices == ()
    assert (said.emoji, said.emotion, said.intention, said.tags) == ("😀", "happiness", "joy", ("cat",))
    assert said.name == {"en": "smile", "zh": "笑"} and said.keywords == {
        "en": ("happy",),
        "zh": ("高兴", "乐"),
    }
    assert said.attributes == Attributes("waves", "sits", "smiles", "hi")
    assert (said.description, said.license) == ("a cat smiles", "CC0")


def test_other_spellings_of_a_row(tmp_path: Path) -> None:
    row = {
        "id": 7, "image": "images\\a.png", "topic": "cats", "intent": "JOY", "name": "笑脸", "emotion": None,
        "keywords": ["happy", "高兴"], "captions": ["早", "安"], "attributes": {"gesture": None}, "emoji": "",
    }  # fmt: skip
    entry = only(write(tmp_path, row))
    said = entry.annotations
    assert (entry.id, entry.pack, said.intention, said.emotion, said.emoji) == (
        "7",
        "cats",
        "joy",
        None,
        None,
    )
    assert said.name == {"zh": "笑脸"} and said.keywords == {"en": ("happy",), "zh": ("高兴",)}
    assert said.attributes == Attributes(verbal="早 安")


def test_a_row_needs_only_its_image(tmp_path: Path) -> None:
    entry = only(write(tmp_path / "pippo", {"image": "images/a.png"}))
    assert (entry.id, entry.pack) == ("images/a.png", "pippo")


def test_a_foreign_label_costs_the_label_not_the_sticker(tmp_path: Path) -> None:
    entry = only(write(tmp_path, {"image": "images/a.png", "emotion": "joyful", "intention": "glee"}))
    assert entry.annotations.emotion is None and entry.annotations.intention is None
    assert [notice.split()[:2] for notice in entry.notices] == [
        ["emotion", "'joyful'"],
        ["intention", "'glee'"],
    ]


def test_bad_rows_cost_only_themselves(tmp_path: Path) -> None:
    root = write(
        tmp_path,
        {"id": "a", "image": "images/a.png"},
        "not json",
        "[1]",
        {"id": "no image"},
        {"image": "images/a.png", "id": "b", "keywords": {"en": [[]]}},
        {"image": "images/a.png", "id": ""},
        '{"image": "images/a.png", "id": "\\ud800"}',
        '{"a":' * 100_000,
        "1" * 5000,
        {"id": "z", "image": "images/a.png"},
    )
    assert reasons(root) == [
        ("a", "ok"),
        *((f"stickers.jsonl:{line}", "bad_row") for line in range(2, 10)),
        ("z", "ok"),
    ]
    details = [item.detail for item in open_pack(root) if isinstance(item, Quarantined)]
    assert details[2].startswith("line 4: field 'image'") and "keywords.en.0" in details[3]
    assert all("\n" not in detail for detail in details)


def test_duplicate_ids_keep_the_first(tmp_path: Path) -> None:
    row = {"id": "a", "image": "images/a.png"}
    assert reasons(write(tmp_path, row, row)) == [("a", "ok"), ("a", "duplicate_id")]


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        ("../outside.png", "unsafe_path"),
        ("images/../../outside.png", "unsafe_path"),
        ("/etc/hostname", "unsafe_path"),
        ("images/out.png", "unsafe_path"),
        ("elsewhere/outside.png", "unsafe_path"),
        ("images/none.png", "missing_file"),
        ("images/gone.png", "missing_file"),
        ("a\u0000b", "missing_file"),
        ("images/../images/a.png", "ok"),
        ("./images/a.png", "ok"),
    ],
)
def test_images_stay_inside_the_pack(tmp_path: Path, image: str, reason: str) -> None:
    root = write(tmp_path / "pack", {"id": "x", "image": image})
    (tmp_path / "outside.png").write_bytes(IMAGE)
    (root / "images/out.png").symlink_to("../../outside.png")
    (root / "images/gone.png").symlink_to("nowhere")
    (root / "elsewhere").symlink_to("..")
    assert reasons(root) == [("x", reason)]


def test_either_spelling_of_a_name_is_found(tmp_path: Path) -> None:
    root = write(tmp_path, {"id": "x", "image": "images/caf\u00e9.png"})
    (root / "images/cafe\u0301.png").write_bytes(IMAGE)
    assert only(root).read() == IMAGE


def test_line_ends_marks_and_torn_ends(tmp_path: Path) -> None:
    good = b'{"id": "%s", "image": "images/a.png"}'
    text = b"\xef\xbb\xbf" + good % b"a" + b"\r\n\r\n  \n" + good % b"b" + b"\n" + (good % b"c")[:-9]
    root = write(tmp_path, text=text)
    assert reasons(root) == [("a", "ok"), ("b", "ok"), ("stickers.jsonl:5", "bad_row")]
    assert "cut off" in next(item.detail for item in open_pack(root) if isinstance(item, Quarantined))
    assert reasons(write(tmp_path, text=good % b"a")) == [("a", "ok")]  # no line end, yet whole
    latin = good % b"a" + b'\n{"id": "caf\xe9", "image": "images/a.png"}\n'
    assert reasons(write(tmp_path, text=latin)) == [("a", "ok"), ("stickers.jsonl:2", "bad_row")]


def test_overlong_lines_are_not_held(tmp_path: Path) -> None:
    rows = [
        {"id": "a", "image": "images/a.png"},
        {"id": "b", "pad": "x" * 5000},
        {"id": "c", "image": "images/a.png"},
    ]
    limits = Limits(max_row_bytes=1000)
    assert reasons(write(tmp_path, *rows), limits) == [
        ("a", "ok"),
        ("stickers.jsonl:2", "bad_row"),
        ("c", "ok"),
    ]
    assert reasons(tmp_path, Limits(max_index_bytes=60))[-1] == ("stickers.jsonl", "too_large_file")


def test_the_index_itself_can_be_named(tmp_path: Path) -> None:
    root = write(tmp_path, {"id": "a", "image": "images/a.png"})
    (root / "stickers.jsonl").rename(root / "mine.jsonl")
    pack = open_pack(root / "mine.jsonl")
    assert (pack.kind, pack.source, pack.count_hint, len(list(pack))) == ("native", str(root), 1, 1)


def test_an_index_without_rows(tmp_path: Path) -> None:
    with pytest.raises(PackError, match="no stickers"):
        open_pack(write(tmp_path, text=b"\n\n"))
    with pytest.raises(PackError, match="UTF-16"):
        open_pack(write(tmp_path, text='{"id": 1}'.encode("utf-16")) / "stickers.jsonl")
