"""Captions drawn into stickers, read by the real engine while a pack is indexed."""

import json
import shutil
import sys
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont

from retriever.errors import MissingExtra
from retriever.indexing import index_pack
from retriever.indexing.ocr import read_captions
from retriever.indexing.state import State
from retriever.packs import Limits
from retriever.store.library import Library
from retriever.store.paths import LibraryPaths

pytest.importorskip("rapidocr")
pytest.importorskip("onnxruntime")


def drawn(words: str, mode: str = "RGB") -> Image.Image:
    """Black words; in mode RGBA on a ground that is transparent (and black below)."""
    image = Image.new(mode, (240, 240), "white" if mode == "RGB" else (0, 0, 0, 0))
    ImageDraw.Draw(image).text((30, 90), words, fill="black", font=ImageFont.load_default(48))
    return image


def pack_of(folder: Path, **pictures: Image.Image) -> Path:
    """A pack of one folder, ``p``, with an image for every name."""
    (folder / "p").mkdir(parents=True, exist_ok=True)
    for name, picture in pictures.items():
        picture.save(folder / "p" / f"{name}.png")
    return folder


def rows(library: Path) -> list[dict]:
    path = LibraryPaths(library).attributes
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def verbal(library: Path) -> dict[str, str]:
    return {sticker.id: sticker.attributes.verbal for sticker in Library.open(library).stickers}


def read(library: Path) -> int:
    paths = LibraryPaths(library)
    return read_captions(paths, State(paths), Limits(), show_progress=False)


@pytest.fixture
def library(tmp_path: Path) -> Path:
    return tmp_path / "library"


def test_what_is_written_in_a_sticker_finds_it(tmp_path: Path, library: Path) -> None:
    pack = pack_of(tmp_path / "pack", a=drawn("HELLO"), b=drawn("SORRY"))
    index_pack(library, pack, ocr=True, show_progress=False)
    assert verbal(library) == {"p/a.png": "HELLO", "p/b.png": "SORRY"}
    row = rows(library)[0]
    assert row["engine"] == "ocr" and row["model"].startswith("rapidocr 3") and row["prompt"] == ""
    assert len(row["sha256"]) == 64 and row["time"].endswith("+00:00")
    from retriever.chain import StickerRetriever
    from retriever.types import Conversation

    (pick,) = StickerRetriever.open(library).pick(Conversation.from_texts("sorry"), k=1)
    assert pick.sticker.id == "p/b.png"


def test_it_is_off_unless_asked_for(tmp_path: Path, library: Path) -> None:
    index_pack(library, pack_of(tmp_path / "pack", a=drawn("HELLO")), show_progress=False)
    assert verbal(library) == {"p/a.png": ""} and not LibraryPaths(library).attributes.exists()


@pytest.mark.parametrize("as_palette", [False, True])
def test_words_on_a_transparent_ground_are_read_on_white(
    tmp_path: Path, library: Path, as_palette: bool
) -> None:
    picture = drawn("HELLO", "RGBA")
    if as_palette:
        picture = picture.quantize(16)
    assert (picture.mode == "P") == as_palette
    index_pack(library, pack_of(tmp_path / "pack", a=picture), ocr=True, show_progress=False)
    assert verbal(library) == {"p/a.png": "HELLO"}


def test_one_image_is_read_once_whatever_it_is_called(tmp_path: Path, library: Path) -> None:
    pack = pack_of(tmp_path / "pack", a=drawn("HELLO"), b=drawn("HELLO"))
    index_pack(library, pack, ocr=True, show_progress=False)
    journal = LibraryPaths(library).attributes
    before = journal.read_bytes()
    assert len(rows(library)) == 1 and verbal(library) == {"p/a.png": "HELLO", "p/b.png": "HELLO"}
    shutil.copytree(pack / "p", tmp_path / "other" / "q")
    index_pack(library, tmp_path / "other", ocr=True, show_progress=False)
    assert journal.read_bytes() == before
    assert set(verbal(library).values()) == {"HELLO"} and len(verbal(library)) == 4


def test_that_nothing_was_found_is_remembered_too(tmp_path: Path, library: Path) -> None:
    blank = Image.new("RGB", (240, 240), "white")
    pack = pack_of(tmp_path / "pack", blank=blank, digit=drawn("8"))
    index_pack(library, pack, ocr=True, show_progress=False)
    assert [row["attributes"] for row in rows(library)] == [{"verbal": ""}] * 2
    assert read(library) == 0 and len(rows(library)) == 2
    assert set(verbal(library).values()) == {""}


def test_what_the_pack_says_is_not_read_again(tmp_path: Path, library: Path) -> None:
    pack = tmp_path / "pack"
    pack.mkdir()
    drawn("HELLO").save(pack / "a.png")
    line = {"id": "p/a", "pack": "p", "image": "a.png", "attributes": {"verbal": "good morning"}}
    (pack / "stickers.jsonl").write_text(json.dumps(line) + "\n", encoding="utf-8")
    index_pack(library, pack, ocr=True, show_progress=False)
    assert verbal(library) == {"p/a": "good morning"} and not LibraryPaths(library).attributes.exists()


def test_a_file_that_is_gone_or_another_by_now_is_left_for_the_next_run(
    tmp_path: Path, library: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pack = pack_of(tmp_path / "pack", a=drawn("HELLO"), b=drawn("SORRY"), c=drawn("THANKS"))
    index_pack(library, pack, show_progress=False)
    kept = (pack / "p" / "b.png").read_bytes()
    (pack / "p" / "a.png").unlink()
    drawn("OTHER").save(pack / "p" / "b.png")
    assert read(library) == 1
    assert [row["attributes"]["verbal"] for row in rows(library)] == ["THANKS"]
    assert "2 of 3 pictures were gone, damaged or changed" in caplog.text
    (pack / "p" / "b.png").write_bytes(kept)
    assert read(library) == 1
    assert [row["attributes"]["verbal"] for row in rows(library)] == ["THANKS", "SORRY"]
    assert "1 of 2 pictures were gone" in caplog.text
    assert read(library) == 0 and len(rows(library)) == 2


def test_without_the_extra_it_says_so_and_the_stickers_read_so_far_are_kept(
    tmp_path: Path, library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack = pack_of(tmp_path / "pack", a=drawn("HELLO"))
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "rapidocr", None)
        with pytest.raises(MissingExtra, match=r"sticker-retriever\[ocr\]"):
            index_pack(library, pack, ocr=True, show_progress=False)
        assert len(State(LibraryPaths(library)).entries) == 1
        index_pack(library, pack, show_progress=False)
        assert verbal(library) == {"p/a.png": ""}
    index_pack(library, pack, ocr=True, show_progress=False)
    assert verbal(library) == {"p/a.png": "HELLO"}
    monkeypatch.setitem(sys.modules, "rapidocr", None)
    assert read(library) == 0  # nothing left to read: nothing is needed
