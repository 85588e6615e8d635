"""The check of an index in a process of its own."""

from pathlib import Path

from tiny_library import TinyPack

from retriever.indexing import index_pack
from retriever.store.probe import probe


def test_a_whole_index(root: Path, pack: TinyPack) -> None:
    name = index_pack(root, pack.folder, encoders=["tiny-text"]).index
    assert probe(root / "index" / name) is None


def test_no_index_at_all(tmp_path: Path) -> None:
    assert "is not a complete index" in (probe(tmp_path) or "")
    assert list(tmp_path.iterdir()) == []


def test_one_that_hangs(root: Path, pack: TinyPack) -> None:
    name = index_pack(root, pack.folder, encoders=[]).index
    assert "did not open within 0 s" in (probe(root / "index" / name, timeout=0.01) or "")


def test_a_broken_database(root: Path, pack: TinyPack) -> None:
    name = index_pack(root, pack.folder, encoders=["tiny-text"]).index
    database = root / "index" / name / "chroma" / "chroma.sqlite3"
    database.write_bytes(database.read_bytes()[: database.stat().st_size // 2])
    wrong = probe(root / "index" / name)
    assert wrong is not None and "\n" not in wrong
