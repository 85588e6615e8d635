"""Index folders: complete or absent, swapped whole, retired only when they are ours."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from tiny_library import TinyPack

from retriever.errors import LibraryDamaged, LibraryNotFound
from retriever.indexing import index_pack, rebuild_index
from retriever.store import chroma, index
from retriever.store.library import Library
from retriever.store.manifest import Manifest
from retriever.store.paths import LibraryPaths
from retriever.types import Sticker

STICKERS = [
    Sticker("a", "p", "h", "/a", name={"zh": "猫", "en": "cat"}, tags=("x",)),
    Sticker("b", "p", "i", "/b"),
]


def test_content_hash_is_the_same_in_every_process() -> None:
    code = (
        "from retriever.store.index import content_hash; from retriever.store.manifest import Manifest;"
        "from retriever.types import Sticker;"
        "print(content_hash([Sticker('a','p','h','/a',name={'zh':'猫','en':'cat'},tags=('x',)),"
        "Sticker('b','p','i','/b')], Manifest()))"
    )
    hashes = {
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert hashes == {index.content_hash(STICKERS, Manifest())}


def test_content_hash_changes_with_everything_that_is_indexed() -> None:
    base = index.content_hash(STICKERS, Manifest())
    others = [
        index.content_hash(STICKERS[:1], Manifest()),
        index.content_hash(STICKERS[::-1], Manifest()),
        index.content_hash([replace(STICKERS[0], description="x"), STICKERS[1]], Manifest()),
        index.content_hash(STICKERS, Manifest(document_fields=("name",))),
        index.content_hash(STICKERS, Manifest(chroma_url="http://h:1")),
    ]
    assert len({base, *others}) == 6


def test_failed_build_keeps_the_old_index(
    root: Path, pack: TinyPack, monkeypatch: pytest.MonkeyPatch
) -> None:
    index_pack(root, pack.folder, encoders=["tiny-text"])
    pack.add(20)
    pack.write()

    def broken(*_: object) -> None:
        raise LibraryDamaged("not its own neighbour")

    with monkeypatch.context() as patch:
        patch.setattr(chroma, "verify_collection", broken)
        with pytest.raises(LibraryDamaged):
            index_pack(root, pack.folder)
    assert Library.open(root).name == "000001"
    assert sorted(path.name for path in (root / "index").iterdir()) == ["000001"]
    report = index_pack(root, pack.folder)  # in the same process: nothing of the failed one is still open
    assert (report.index, report.total) == ("000002", 13)


def test_two_indexes_are_kept_and_foreign_folders_left_alone(root: Path, pack: TinyPack) -> None:
    (root / "index" / "2023").mkdir(parents=True)
    (root / "index" / "2023" / "holiday.txt").touch()
    names = []
    for number in range(4):
        pack.add(30 + number)
        pack.write()
        names.append(index_pack(root, pack.folder, encoders=[]).index)
    assert names == ["002024", "002025", "002026", "002027"]
    assert sorted(path.name for path in (root / "index").iterdir()) == ["002026", "002027", "2023"]


def test_an_index_never_swapped_in_does_not_push_out_the_one_in_use(root: Path, pack: TinyPack) -> None:
    """Killed between the rename of the folder and the swap: readers are still on the one before."""
    first = index_pack(root, pack.folder, encoders=[]).index
    pack.add(20)
    pack.write()
    orphan = index_pack(root, pack.folder).index
    LibraryPaths(root).current.write_text(first)
    pack.add(21)
    pack.write()
    last = index_pack(root, pack.folder).index
    assert sorted(path.name for path in (root / "index").iterdir()) == [first, last]
    assert orphan not in (first, last)


@pytest.mark.parametrize("text", ["", "../..", "000009", "\xff\xfe", "000001/../x"])
def test_a_garbled_current_is_told(root: Path, pack: TinyPack, text: str) -> None:
    index_pack(root, pack.folder, encoders=[])
    LibraryPaths(root).current.write_text(text, encoding="latin-1")
    with pytest.raises(LibraryDamaged, match="sticker doctor --repair"):
        Library.open(root)
    assert rebuild_index(root).total == 12
    assert len(Library.open(root)) == 12


def test_missing_current(root: Path, pack: TinyPack) -> None:
    index_pack(root, pack.folder, encoders=[])
    LibraryPaths(root).current.unlink()
    with pytest.raises(LibraryNotFound, match="sticker index"):
        Library.open(root)
    assert index_pack(root, pack.folder).index == "000002"
    assert len(Library.open(root)) == 12


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"schema": 1}'])
def test_a_garbled_info_is_told(root: Path, pack: TinyPack, text: str) -> None:
    name = index_pack(root, pack.folder, encoders=[]).index
    (root / "index" / name / "index.json").write_text(text)
    with pytest.raises(LibraryDamaged, match="sticker doctor --repair"):
        Library.open(root)


def test_deep_verification_reads_every_plain_file(root: Path, pack: TinyPack) -> None:
    """A letter changed in each file in turn; Chroma's own files are checked by questions."""
    name = index_pack(root, pack.folder, encoders=["tiny-text"]).index
    folder = root / "index" / name
    files = json.loads((folder / "index.json").read_text())["files"]
    assert {"stickers.jsonl", "ids.json", "offsets.npy", "lexical/lexical.json"} <= set(files)
    index.verify(folder, deep=True)
    for file in files:
        data = (folder / file).read_bytes()
        middle = len(data) // 2
        (folder / file).write_bytes(data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :])
        with pytest.raises(LibraryDamaged):
            index.verify(folder, deep=True)
        (folder / file).unlink()
        with pytest.raises(LibraryDamaged):
            index.verify(folder)
        (folder / file).write_bytes(data)
    index.verify(folder, deep=True)
