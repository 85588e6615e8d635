"""The doctor finds what is broken, repairs it, and deletes nothing of record."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tiny_library import Thumbnails, TinyPack, Trigrams

from retriever.doctor import Finding, checkup, repair
from retriever.doctor.records import check_records
from retriever.errors import LibraryLocked, ManifestMismatch
from retriever.indexing import index_pack
from retriever.store import index
from retriever.store.library import Library
from retriever.store.lock import writer_lock
from retriever.store.paths import LibraryPaths

Damage = Callable[[Path], None]


@pytest.fixture
def library(root: Path, pack: TinyPack) -> Path:
    index_pack(root, pack.folder, encoders=["tiny-text", "tiny-image"])
    Trigrams.encoded = Thumbnails.encoded = 0
    return root


def problems(root: Path) -> list[Finding]:
    return [finding for finding in checkup(root) if finding.level == "problem"]


def damaged_records(root: Path) -> list[str]:
    """The problems that need no look into the index, which takes a process of its own."""
    return [finding.check for finding in check_records(LibraryPaths(root)) if finding.level == "problem"]


def check_whole(root: Path, count: int = 12) -> None:
    assert not damaged_records(root)
    library = Library.open(root)
    assert len(library) == count
    index.verify(library.folder, deep=True)


def mended(root: Path) -> list[Finding]:
    return list(repair(LibraryPaths(root), show_progress=False))


def test_a_healthy_library(library: Path) -> None:
    findings = {finding.check: finding for finding in checkup(library)}
    assert not problems(library)
    assert findings["index"].text == "000001: 12 stickers, tiny-text, tiny-image; Chroma answers"
    assert findings["journal stickers"].text == "12 rows"
    before = (library / "CURRENT").stat().st_ino
    assert [(finding.check, finding.text) for finding in mended(library)] == [
        ("index", "whole; left as it is")
    ]
    assert (library / "CURRENT").stat().st_ino == before


def test_no_library_yet(tmp_path: Path) -> None:
    last = list(checkup(tmp_path / "none"))[-1]
    assert (last.check, last.level) == ("library", "note")
    assert not (tmp_path / "none").exists()


def graph_files(root: Path) -> list[Path]:
    return sorted((root / "index" / "000001" / "chroma").rglob("*.bin"))


def delete_graph(root: Path) -> None:
    files = graph_files(root)
    assert files
    shutil.rmtree(files[0].parent)


def overwrite_graph(root: Path) -> None:
    for file in graph_files(root):
        file.write_bytes(b"\xff" * file.stat().st_size)


def truncate_database(root: Path) -> None:
    database = root / "index" / "000001" / "chroma" / "chroma.sqlite3"
    database.write_bytes(database.read_bytes()[:10_000])


def empty_database(root: Path) -> None:
    (root / "index" / "000001" / "chroma" / "chroma.sqlite3").write_bytes(b"")


def delete_database(root: Path) -> None:
    shutil.rmtree(root / "index" / "000001" / "chroma")


def flip(name: str) -> Damage:
    def damage(root: Path) -> None:
        (path,) = (root / "index" / "000001").glob(name)
        data = path.read_bytes()
        path.write_bytes(data[:-9] + bytes([data[-9] ^ 4]) + data[-8:])

    return damage


def delete_current(root: Path) -> None:
    (root / "CURRENT").unlink()


def garble_current(root: Path) -> None:
    (root / "CURRENT").write_text("000007")


def delete_index(root: Path) -> None:
    shutil.rmtree(root / "index")


INDEX_DAMAGE = [
    truncate_database, empty_database, delete_database, flip("stickers.jsonl"), flip("ids.json"),
    flip("vectors-1*.npy"), flip("lexical/lexical.json"), delete_current, garble_current, delete_index,
]  # fmt: skip


@pytest.mark.parametrize("damage", INDEX_DAMAGE, ids=lambda damage: damage.__qualname__.partition(".")[0])
def test_a_damaged_index_is_found_and_made_anew(library: Path, damage: Damage) -> None:
    damage(library)
    assert [finding.check for finding in problems(library)] == ["index"]
    done = mended(library)
    assert "12 stickers" in done[-1].text
    check_whole(library)
    assert (Trigrams.encoded, Thumbnails.encoded) == (0, 0)


@pytest.mark.parametrize("damage", [delete_graph, overwrite_graph])
def test_a_damaged_graph_is_found_and_made_anew(
    root: Path, make_pack: Callable[..., TinyPack], monkeypatch: pytest.MonkeyPatch, damage: Damage
) -> None:
    """Chroma writes the graph's files from `sync_threshold` rows on."""
    from retriever.store import chroma

    monkeypatch.setattr(chroma, "BATCH", 20)
    index_pack(root, make_pack(60).folder, encoders=["tiny-text"])
    damage(root)
    assert [finding.check for finding in problems(root)] == ["index"]
    assert "60 stickers" in mended(root)[-1].text
    check_whole(root, 60)


def test_a_damaged_manifest_is_taken_from_the_index(library: Path) -> None:
    paths = LibraryPaths(library)
    before = json.loads(paths.manifest.read_text())
    paths.manifest.write_text("{")
    assert damaged_records(library) == ["manifest"]
    assert "taken from index 000001" in mended(library)[0].text
    assert json.loads(paths.manifest.read_text()) == before
    check_whole(library)
    assert (library / "library.json.damaged").read_text() == "{"
    paths.manifest.unlink()
    assert damaged_records(library) == ["manifest"]


def test_no_manifest_and_no_index_to_take_it_from(library: Path, pack: TinyPack) -> None:
    (library / "library.json").unlink()
    shutil.rmtree(library / "index")
    done = mended(library)
    assert [finding.level for finding in done] == ["problem"]
    assert "index the pack again" in done[0].remedy
    report = index_pack(library, pack.folder, encoders=["tiny-text", "tiny-image"])
    assert (report.unchanged, report.encoded) == (12, 0)


def test_a_newer_library_is_left_alone(library: Path) -> None:
    manifest = library / "library.json"
    newer = manifest.read_text().replace('"schema": 1', '"schema": 2')
    manifest.write_text(newer)
    assert "upgrade" in problems(library)[0].text
    with pytest.raises(ManifestMismatch, match="upgrade"):
        mended(library)
    assert manifest.read_text() == newer


def test_damaged_lines_are_set_aside(library: Path, pack: TinyPack) -> None:
    paths = LibraryPaths(library)
    with paths.stickers.open("r+b") as file:
        file.write(b"#")
    paths.attributes.write_bytes(b'{"sha256": 3}\n{"sha256": "x", "attributes": {}}\n{"torn')
    assert damaged_records(library) == ["journal stickers", "journal attributes"]
    done = {finding.check: finding.text for finding in mended(library)}
    assert done["journal stickers"] == "1 unreadable lines moved to stickers.jsonl.damaged"
    assert done["journal attributes"] == "1 unreadable lines moved to attributes.jsonl.damaged"
    assert not damaged_records(library)
    report = index_pack(library, pack.folder)
    assert (report.added, report.unchanged, report.encoded) == (1, 11, 0)


def test_damaged_vectors_are_set_aside_and_computed_again(library: Path) -> None:
    shards = sorted((library / "vectors").glob("*/*.safetensors"))
    assert len(shards) == 2
    for shard in shards:
        data = shard.read_bytes()
        shard.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    assert damaged_records(library) == ["vectors", "vectors"]
    assert "12 stickers" in mended(library)[-1].text
    check_whole(library)
    assert (Trigrams.encoded, Thumbnails.encoded) == (12, 12)
    assert len(list((library / "vectors").glob("*/*.damaged"))) == 2


def test_a_damaged_vector_manifest_is_written_anew(library: Path, pack: TinyPack) -> None:
    manifests = sorted((library / "vectors").glob("*/manifest.json"))
    before = [path.read_bytes() for path in manifests]
    manifests[0].write_text("{")
    manifests[1].write_bytes(before[0])
    assert damaged_records(library) == ["vectors", "vectors"]
    mended(library)
    pack.add(40)
    pack.write()
    assert index_pack(library, pack.folder).encoded == 2
    assert [path.read_bytes() for path in manifests] == before
    check_whole(library, 13)


def test_everything_at_once(library: Path) -> None:
    delete_index(library)
    delete_current(library)
    for shard in (library / "vectors").glob("*/*.safetensors"):
        shard.write_bytes(b"")
    with LibraryPaths(library).attributes.open("wb") as file:
        file.write(b"?\n")
    (library / "journal" / ".tmp-1-ab-x").touch()
    mended(library)
    check_whole(library)


def test_images_that_are_gone_are_told(library: Path, pack: TinyPack) -> None:
    (pack.folder / "images" / "0003.png").unlink()
    (problem,) = problems(library)
    assert (problem.check, problem.text[:28]) == ("images", "1 of 12 image files are gone")


def test_quarantine_and_leftovers_are_notes(library: Path, pack: TinyPack) -> None:
    (pack.folder / "images" / "0003.png").write_bytes(b"")
    index_pack(library, pack.folder)
    (library / "vectors" / "x").mkdir()
    (library / "vectors" / "x" / ".tmp-1-ab-1.safetensors").touch()
    notes = {finding.check: finding.text for finding in checkup(library) if finding.level == "note"}
    assert notes["quarantine"] == "1 empty"
    assert notes["leftovers"] == "1 unfinished files of a stopped run"


def test_a_writer_is_named_and_not_disturbed(library: Path) -> None:
    with writer_lock(LibraryPaths(library)):
        notes = {finding.check: finding.text for finding in checkup(library)}
        assert "is writing" in notes["writer"]
        with pytest.raises(LibraryLocked):
            mended(library)


def test_looking_changes_nothing(library: Path) -> None:
    def files() -> dict[Path, bytes]:
        found = (path for path in library.rglob("*") if path.is_file() and "chroma" not in path.parts)
        return {path: path.read_bytes() for path in found}

    (library / "journal" / ".tmp-1-ab-x").touch()
    delete_current(library)
    before = files()
    list(checkup(library))
    assert files() == before
