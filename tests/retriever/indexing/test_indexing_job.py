"""Indexing a pack: incremental, several sources, and what goes wrong."""

import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tiny_library import Thumbnails, TinyPack, Trigrams, draw

from retriever.encoders import registry
from retriever.encoders.base import EncoderSpec
from retriever.errors import (
    InputError,
    LibraryDamaged,
    LibraryLocked,
    LibraryNotFound,
    ManifestMismatch,
    ModelError,
    PackError,
)
from retriever.indexing import index_pack, rebuild_index
from retriever.packs import open_pack
from retriever.store import journal
from retriever.store.journal import JournalWriter
from retriever.store.library import Library
from retriever.store.lock import writer_lock
from retriever.store.manifest import read_manifest
from retriever.store.paths import LibraryPaths

BOTH = ["tiny-text", "tiny-image"]


def snapshot(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file with its inode and time of change."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path): (path.stat().st_ino, path.stat().st_mtime_ns) for path in files}


def test_a_new_library(root: Path, pack: TinyPack) -> None:
    report = index_pack(root, pack.folder, encoders=BOTH)
    assert (report.added, report.total, report.encoded, report.up_to_date) == (12, 12, 24, False)
    assert (report.index, report.encoders, report.quarantined) == ("000001", tuple(BOTH), ())
    assert set(report.seconds) == {"read", "encode", "index"}
    stickers = list(Library.open(root).stickers)
    assert [sticker.id for sticker in stickers] == sorted(pack.rows)
    first = stickers[0]
    assert (first.name["zh"], first.kind, first.width, first.n_frames) == ("开心的猫0", "png", 32, 1)
    assert Path(first.path).read_bytes() == draw(0)


def test_nothing_changed_nothing_done(root: Path, pack: TinyPack) -> None:
    index_pack(root, pack.folder, encoders=BOTH)
    before = snapshot(root / "index"), snapshot(root / "vectors"), snapshot(root / "journal")
    Trigrams.encoded = Thumbnails.encoded = 0
    report = index_pack(root, pack.folder)
    assert (report.up_to_date, report.unchanged, report.encoded, report.index) == (True, 12, 0, "000001")
    assert (Trigrams.encoded, Thumbnails.encoded) == (0, 0)
    after = snapshot(root / "index"), snapshot(root / "vectors"), snapshot(root / "journal")
    index_before, index_after = before[0], after[0]
    assert {path for path in index_before if "chroma" not in path} == {
        path for path in index_after if "chroma" not in path
    }
    assert all(index_after[path] == index_before[path] for path in index_before if "chroma" not in path)
    assert before[1:] == after[1:]


def test_one_added_one_changed_one_deleted(root: Path, pack: TinyPack) -> None:
    index_pack(root, pack.folder, encoders=BOTH)
    Trigrams.encoded = Thumbnails.encoded = 0
    pack.add(50)
    pack.rows["tiny/0003"]["name"]["en"] = "quite another name"
    pack.image(pack.rows["tiny/0004"], draw(777))
    del pack.rows["tiny/0005"]
    pack.write()
    report = index_pack(root, pack.folder)
    assert (report.added, report.changed, report.removed, report.unchanged, report.total) == (1, 2, 1, 9, 12)
    assert (Trigrams.encoded, Thumbnails.encoded, report.encoded) == (2, 2, 4)  # documents; images
    library = Library.open(root)
    assert library.stickers.row_of("tiny/0005") is None
    assert library.stickers[3].name["en"] == "quite another name"
    assert Path(library.stickers[4].path).read_bytes() == draw(777)


def test_a_renamed_sticker_and_one_that_comes_back_keep_their_vectors(root: Path, pack: TinyPack) -> None:
    index_pack(root, pack.folder, encoders=BOTH)
    Trigrams.encoded = Thumbnails.encoded = 0
    gone = pack.rows.pop("tiny/0006")
    pack.rows["tiny/new"] = {**pack.rows.pop("tiny/0007"), "id": "tiny/new"}
    pack.write()
    assert index_pack(root, pack.folder).removed == 2
    pack.rows["tiny/0006"] = gone
    pack.write()
    assert index_pack(root, pack.folder).added == 1
    assert (Trigrams.encoded, Thumbnails.encoded) == (0, 0)


def test_exact_duplicates_are_encoded_once_and_told(root: Path, pack: TinyPack) -> None:
    pack.add(60, seed=3)
    pack.write()
    report = index_pack(root, pack.folder, encoders=["tiny-image"])
    assert (report.encoded, report.total) == (12, 13)
    assert report.exact_duplicates == (("tiny/0003", "tiny/0060"),)


def test_two_packs_in_one_library(root: Path, make_pack: Callable[..., TinyPack]) -> None:
    one, two = make_pack(3, "one"), make_pack(0, "two")
    two.add(2, seed=900)  # the id is taken by the first pack
    two.add(90)
    two.write()
    index_pack(root, one.folder, encoders=["tiny-text"])
    report = index_pack(root, two.folder)
    assert (report.added, report.total, dict(report.reasons)) == (1, 4, {"duplicate_id": 1})
    assert str(one.folder) in report.quarantined[0].detail
    assert Path(Library.open(root).stickers[2].path).parent.parent == one.folder
    report = index_pack(root, one.folder)
    assert (report.unchanged, report.removed, report.total, report.up_to_date) == (3, 0, 4, True)
    rows = list(journal.read(LibraryPaths(root).quarantine))
    assert [(row["source"], row["reason"]) for row in rows] == [(str(two.folder), "duplicate_id")]


def test_a_moved_pack_is_taken_over(root: Path, pack: TinyPack) -> None:
    index_pack(root, pack.folder, encoders=BOTH)
    Trigrams.encoded = Thumbnails.encoded = 0
    moved = pack.folder.rename(pack.folder.with_name("elsewhere"))
    report = index_pack(root, moved)
    assert (report.changed, report.removed, report.total, report.quarantined) == (12, 0, 12, ())
    assert (Trigrams.encoded, Thumbnails.encoded) == (0, 0)
    assert all(Path(sticker.path).is_file() for sticker in Library.open(root).stickers)


def test_a_copy_of_a_pack_says_that_its_ids_are_taken(root: Path, pack: TinyPack) -> None:
    index_pack(root, pack.folder, encoders=[])
    shutil.copytree(pack.folder, pack.folder.with_name("copy"))
    with pytest.raises(PackError, match=r"none of the 12 .* duplicate_id"):
        index_pack(root, pack.folder.with_name("copy"))
    assert len(Library.open(root)) == 12


def test_broken_images_are_set_aside_with_their_reasons(root: Path, pack: TinyPack) -> None:
    images = pack.folder / "images"
    (images / "0000.png").write_bytes(b"")
    (images / "0001.png").write_bytes(draw(1)[:-20])
    (images / "0002.png").write_text("<html>")
    (images / "0003.png").unlink()
    report = index_pack(root, pack.folder, encoders=BOTH)
    reasons = {item.id: item.reason for item in report.quarantined}
    assert reasons == {
        "tiny/0000": "empty",
        "tiny/0001": "truncated",
        "tiny/0002": "not_an_image",
        "tiny/0003": "missing_file",
    }
    assert (report.total, len(Library.open(root))) == (8, 8)
    assert {row["id"]: row["reason"] for row in journal.read(LibraryPaths(root).quarantine)} == reasons
    (images / "0000.png").write_bytes(draw(0))
    assert index_pack(root, pack.folder).added == 1
    assert len(list(journal.read(LibraryPaths(root).quarantine))) == 3


def test_an_unusable_pack_changes_nothing(root: Path, pack: TinyPack) -> None:
    index_pack(root, pack.folder, encoders=BOTH)
    before = LibraryPaths(root).stickers.read_bytes()
    for image in (pack.folder / "images").iterdir():
        image.write_bytes(b"broken")
    for _ in range(2):
        with pytest.raises(PackError, match=r"none of the 12 stickers .* nothing was changed"):
            index_pack(root, pack.folder)
    assert LibraryPaths(root).stickers.read_bytes() == before
    assert len(Library.open(root)) == 12
    assert len(list(journal.read(LibraryPaths(root).quarantine))) == 12


def test_a_pack_unusable_from_the_start(root: Path, pack: TinyPack) -> None:
    for image in (pack.folder / "images").iterdir():
        image.write_bytes(b"broken")
    with pytest.raises(PackError, match="none of the 12"):
        index_pack(root, pack.folder, encoders=[])
    with pytest.raises(LibraryNotFound):
        Library.open(root)


def test_no_pack_no_library(root: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for path in (tmp_path / "none", tmp_path / "empty"):
        with pytest.raises(PackError):
            index_pack(root, path)
    assert not root.exists()
    with pytest.raises(LibraryNotFound, match="sticker index PACK"):
        rebuild_index(root)
    assert not root.exists()


def test_a_zip_is_kept_in_the_library(root: Path, pack: TinyPack, tmp_path: Path) -> None:
    archive = tmp_path / "pack.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for number in range(30):  # the same image under many names, kept by several threads at once
            file.writestr(f"p/{number:02d}.png", draw(number % 2))
    report = index_pack(root, archive, encoders=["tiny-image"])
    assert (report.total, report.encoded) == (30, 2)
    archive.unlink()
    library = Library.open(root)
    assert {Path(sticker.path).read_bytes() for sticker in library.stickers} == {draw(0), draw(1)}
    assert len([path for path in (root / "images").rglob("*") if path.is_file()]) == 2
    assert rebuild_index(root).total == 30


def test_stickers_nothing_is_known_of(root: Path, tmp_path: Path) -> None:
    folder = tmp_path / "12345"
    folder.mkdir()
    for number in range(6):
        (folder / f"{number}.png").write_bytes(draw(number))
    report = index_pack(root, folder, encoders=BOTH)
    assert report.total == 6
    library = Library.open(root)
    assert library.collection(library.manifest.encoders[1]).count() == 6


def describe(root: Path, **attributes: str) -> str:
    """Annotate the first sticker as a model job would; gives the image's hash."""
    digest = Library.open(root).stickers[0].sha256
    with JournalWriter(LibraryPaths(root).attributes) as writer:
        writer.append(
            {"sha256": digest, "engine": "llm", "model": "m", "prompt": "0", "attributes": attributes}
        )
    return digest


def test_annotations_enter_documents_and_chroma(root: Path, pack: TinyPack) -> None:
    index_pack(root, pack.folder, encoders=BOTH)
    Trigrams.encoded = Thumbnails.encoded = 0
    describe(root, gesture="双手比心", verbal="love you")
    report = index_pack(root, pack.folder)
    assert (report.unchanged, report.up_to_date) == (12, False)
    assert (Trigrams.encoded, Thumbnails.encoded) == (1, 0)
    library = Library.open(root)
    assert library.stickers[0].attributes.gesture == "双手比心"
    held = library.collection().get(ids=["tiny/0000"])
    assert held["metadatas"][0]["verbal"] == "love you"
    assert "双手比心" in held["documents"][0]
    assert rebuild_index(root).encoded == 0
    assert Library.open(root).stickers[0].attributes.verbal == "love you"


@pytest.mark.parametrize("lost", [(), ("index", "CURRENT"), ("CURRENT",), ("index",)])
def test_rebuilding_encodes_nothing_and_forgets_nothing(
    root: Path, pack: TinyPack, lost: tuple[str, ...]
) -> None:
    index_pack(root, pack.folder, encoders=BOTH)
    describe(root, posture="sitting")
    index_pack(root, pack.folder)
    before = Library.open(root)
    matrices = [np.array(before.vectors(spec)) for spec in before.manifest.encoders]
    for name in lost:
        path = root / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    shutil.rmtree(pack.folder)  # not even the images are needed
    Trigrams.encoded = Thumbnails.encoded = 0
    report = rebuild_index(root)
    assert (report.total, report.encoded, Trigrams.encoded, Thumbnails.encoded) == (12, 0, 0, 0)
    after = Library.open(root)
    assert after.content == before.content
    assert after.stickers[0].attributes.posture == "sitting"
    for spec, matrix in zip(after.manifest.encoders, matrices, strict=True):
        assert np.array_equal(after.vectors(spec), matrix)
        assert after.collection(spec).count() == 12


def test_other_settings_are_refused_with_what_to_do(root: Path, pack: TinyPack) -> None:
    index_pack(root, pack.folder, encoders=["tiny-text"])
    before = LibraryPaths(root).manifest.read_bytes()
    with pytest.raises(ManifestMismatch, match=r"tiny-text, this run asks for tiny-image; .*--reencode"):
        index_pack(root, pack.folder, encoders=["tiny-image"])
    with pytest.raises(ManifestMismatch, match="this run asks for none"):
        index_pack(root, pack.folder, encoders=[])
    with pytest.raises(ManifestMismatch, match=r"document fields .*this run asks for name;"):
        index_pack(root, pack.folder, document_fields=["name"])
    with pytest.raises(InputError, match="no sticker field 'nam'"):
        index_pack(root, pack.folder, document_fields=["nam"], reencode=True)
    with pytest.raises(InputError, match="each of them once"):
        index_pack(root, pack.folder, encoders=["tiny-text", "tiny-text"], reencode=True)
    assert LibraryPaths(root).manifest.read_bytes() == before
    report = index_pack(root, pack.folder, encoders=BOTH, document_fields=["name"], reencode=True)
    assert (report.encoders, report.encoded) == (tuple(BOTH), 24)
    assert index_pack(root, pack.folder, encoders=BOTH).up_to_date


def test_the_same_name_for_another_model(root: Path, pack: TinyPack, monkeypatch: pytest.MonkeyPatch) -> None:
    index_pack(root, pack.folder, encoders=["tiny-text"])

    def other(request: registry.LoadRequest) -> Trigrams:
        encoder = Trigrams(request.name, 64, "document")
        encoder.spec = EncoderSpec(request.name, "tiny-text@2", 64, "document", preprocessing="tiny")
        return encoder

    monkeypatch.setitem(registry._LOADERS, "tiny-text", other)
    with pytest.raises(ManifestMismatch, match=r"tiny-text is now tiny-text@2 .*made with tiny-text@1"):
        index_pack(root, pack.folder)
    assert rebuild_index(root).encoded == 0  # needs no encoder at all


@pytest.mark.parametrize("value", [0.0, 2.0, float("nan")])
def test_an_encoder_that_does_not_normalise(
    root: Path, pack: TinyPack, monkeypatch: pytest.MonkeyPatch, value: float
) -> None:
    class Wrong(Trigrams):
        def encode_documents(self, texts):  # type: ignore[no-untyped-def]
            return super().encode_documents(texts) * np.float32(value)

    monkeypatch.setitem(registry._LOADERS, "tiny-text", lambda request: Wrong(request.name, 64, "document"))
    with pytest.raises(ModelError, match="of length 1"):
        index_pack(root, pack.folder, encoders=["tiny-text"])


def test_an_encoder_that_fails_half_way_loses_nothing(
    root: Path, pack: TinyPack, monkeypatch: pytest.MonkeyPatch
) -> None:
    from retriever.indexing import encode

    monkeypatch.setattr(encode, "DOCUMENTS_AT_ONCE", 3)

    class Failing(Trigrams):
        def encode_documents(self, texts):  # type: ignore[no-untyped-def]
            if self.encoded >= 6:
                raise ModelError("out of memory")
            return super().encode_documents(texts)

    with monkeypatch.context() as patch:
        patch.setitem(registry._LOADERS, "tiny-text", lambda r: Failing(r.name, 64, "document"))
        with pytest.raises(ModelError):
            index_pack(root, pack.folder, encoders=["tiny-text"])
        with pytest.raises(LibraryNotFound):
            Library.open(root)
    Trigrams.encoded = 0
    assert index_pack(root, pack.folder).encoded == 6
    assert Trigrams.encoded == 6


def test_an_image_that_changes_after_it_was_read_is_not_filed_under_the_old_one(
    root: Path, pack: TinyPack
) -> None:
    index_pack(root, pack.folder, encoders=[])
    pack.image(pack.rows["tiny/0002"], draw(500))
    with pytest.raises(ManifestMismatch):
        index_pack(root, pack.folder, encoders=["tiny-image"])
    manifest = LibraryPaths(root).manifest
    other = index_pack(root.with_name("other"), pack.folder, encoders=["tiny-image"])
    assert other.total == 12
    manifest.write_text(
        manifest.read_text().replace('"encoders": []', '"encoders": ' + _encoders(other.library))
    )
    report = rebuild_index(root)
    assert (report.total, report.encoded) == (11, 11)
    assert [(item.id, item.reason) for item in report.quarantined] == [("tiny/0002", "unreadable")]
    assert [row["id"] for row in journal.read(LibraryPaths(root).quarantine)] == ["tiny/0002"]
    assert index_pack(root, pack.folder).total == 12


def _encoders(library: str) -> str:
    text = LibraryPaths(Path(library)).manifest.read_text()
    return (
        text[text.index("[", text.index('"encoders"')) : text.index('"document_fields"')].rstrip().rstrip(",")
    )


def test_a_locked_library(root: Path, pack: TinyPack) -> None:
    index_pack(root, pack.folder, encoders=[])
    with writer_lock(LibraryPaths(root)):
        for run in (lambda: index_pack(root, pack.folder), lambda: rebuild_index(root)):
            with pytest.raises(LibraryLocked):
                run()
        assert len(Library.open(root)) == 12


def test_a_damaged_journal_is_told(root: Path, pack: TinyPack) -> None:
    index_pack(root, pack.folder, encoders=[])
    path = LibraryPaths(root).stickers
    path.write_bytes(path.read_bytes().replace(b'"op":"put"', b'"Op":"put"', 1))
    with pytest.raises(LibraryDamaged, match=r"line 1.*sticker doctor --repair"):
        index_pack(root, pack.folder)
    assert len(Library.open(root)) == 12


def test_the_journal_does_not_grow_for_ever(root: Path, make_pack: Callable[..., TinyPack]) -> None:
    pack = make_pack(2)
    index_pack(root, pack.folder, encoders=[])
    path = LibraryPaths(root).stickers
    rows = list(journal.read(path))
    with JournalWriter(path) as writer:
        for _ in range(600):
            for row in rows:
                writer.append(row)
    index_pack(root, pack.folder)
    assert list(journal.read(path)) == rows


def test_both_kinds_of_unreadable_leave_the_stickers_in(
    root: Path, pack: TinyPack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that does not answer has not deleted anything; nor has an index file that breaks off."""
    index_pack(root, pack.folder, encoders=["tiny-text"])
    real = Path.open

    def refuse(self: Path, *given: object, **named: object) -> object:
        if self.name == "0004.png":
            raise OSError(5, "Input/output error")
        return real(self, *given, **named)  # type: ignore[call-overload]

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", refuse)
        report = index_pack(root, pack.folder)
    assert (report.total, report.removed, dict(report.reasons)) == (12, 0, {"unreadable": 1})

    class BreaksOff:
        def __init__(self, file: object) -> None:
            self.file, self.lines = file, 0

        def __enter__(self) -> "BreaksOff":
            return self

        def __exit__(self, *_: object) -> None:
            self.file.close()  # type: ignore[attr-defined]

        def readline(self, size: int) -> bytes:
            self.lines += 1
            if self.lines > 5:
                raise OSError(5, "Input/output error")
            return self.file.readline(size)  # type: ignore[attr-defined,no-any-return]

    def break_off(self: Path, *given: object, **named: object) -> object:
        file = real(self, *given, **named)  # type: ignore[call-overload]
        return BreaksOff(file) if self == pack.folder / "stickers.jsonl" else file

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", break_off)
        patch.setattr("retriever.packs.readers.pack.Pack.count_hint", 12)
        with open_pack(pack.folder) as opened:
            assert sum(1 for _ in opened) == 6  # five stickers and what was wrong
        report = index_pack(root, pack.folder)
    assert (report.total, report.removed, report.unchanged) == (12, 0, 5)
    assert dict(report.reasons) == {"unreadable": 1}


def test_a_newer_library_is_refused(root: Path, pack: TinyPack) -> None:
    index_pack(root, pack.folder, encoders=[])
    manifest = LibraryPaths(root).manifest
    manifest.write_text(manifest.read_text().replace('"schema": 1', '"schema": 2'))
    for run in (lambda: index_pack(root, pack.folder), lambda: rebuild_index(root)):
        with pytest.raises(ManifestMismatch, match="upgrade"):
            run()


def test_a_corrupt_manifest_is_told(root: Path, pack: TinyPack) -> None:
    index_pack(root, pack.folder, encoders=[])
    LibraryPaths(root).manifest.write_text("{")
    with pytest.raises(LibraryDamaged, match="sticker doctor --repair"):
        index_pack(root, pack.folder)
    assert len(Library.open(root)) == 12  # the index has its own copy


def test_the_manifest_keeps_its_id(root: Path, pack: TinyPack) -> None:
    index_pack(root, pack.folder, encoders=[])
    first = read_manifest(LibraryPaths(root))
    index_pack(root, pack.folder)
    assert read_manifest(LibraryPaths(root)) == first
