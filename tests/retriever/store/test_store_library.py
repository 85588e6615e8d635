"""The read side: opened, shared with writers, and told what is wrong."""

import logging
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import numpy as np
import pytest
from tiny_library import TinyPack, hashed

from retriever.chain import StickerRetriever
from retriever.documents import document
from retriever.errors import InputError, LibraryDamaged, LibraryNotFound
from retriever.indexing import index_pack
from retriever.store.library import Library, default_library
from retriever.types import Sticker


def test_default_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STICKER_LIBRARY", raising=False)
    assert default_library() == Path("sticker-library")
    monkeypatch.setenv("STICKER_LIBRARY", "/elsewhere")
    assert default_library() == Path("/elsewhere")


def test_no_library_there(tmp_path: Path) -> None:
    with pytest.raises(LibraryNotFound, match=f"sticker index PACK --library {tmp_path}/none"):
        Library.open(tmp_path / "none")
    with pytest.raises(LibraryNotFound, match="nothing is indexed"):
        Library.open(tmp_path)


def test_rows_and_vectors(root: Path, pack: TinyPack) -> None:
    index_pack(root, pack.folder, encoders=["tiny-text", "tiny-image"])
    library = Library.open(root)
    text, image = library.manifest.encoders
    assert (library.vectors(text).shape, library.vectors(image).shape) == ((12, 64), (12, 48))
    chosen = [library.stickers[7], library.stickers[2]]
    assert library.rows_of(chosen).tolist() == [7, 2]
    assert np.array_equal(library.vectors(text)[7], hashed(document(chosen[0]), 64))
    assert not library.vectors(text).flags.writeable
    with pytest.raises(InputError, match="'nobody'"):
        library.rows_of([chosen[0], Sticker("nobody", "p", "", "")])


def test_lexical_only(root: Path, pack: TinyPack) -> None:
    index_pack(root, pack.folder, encoders=[])
    library = Library.open(root)
    assert library.collection().count() == 12
    assert [pick.sticker.id for pick in StickerRetriever.open(root).pick("sad", k=1)] == ["tiny/0001"]


def test_a_reader_outlives_two_swaps(root: Path, pack: TinyPack) -> None:
    index_pack(root, pack.folder, encoders=["tiny-text"])
    reader = StickerRetriever.open(root)
    graph = StickerRetriever.open(root, recall="hnsw", recall_size=3)
    before = [(pick.sticker, pick.score, dict(pick.scores)) for pick in reader.pick("sad cat", k=5)]
    for number in (20, 21, 22):
        pack.add(number)
        pack.write()
        index_pack(root, pack.folder)
    assert not reader.library.folder.exists()
    assert [(pick.sticker, pick.score, dict(pick.scores)) for pick in reader.pick("sad cat", k=5)] == before
    assert [pick.sticker for pick in graph.pick("sad cat", k=1)] == [before[0][0]]
    with pytest.raises(LibraryDamaged, match="no Chroma database"):
        reader.library.collection()  # which must not make an empty one either
    assert not reader.library.folder.exists()
    assert len(Library.open(root)) == 15


def test_threads_that_share_a_graph_reader_outlive_two_swaps(
    root: Path, pack: TinyPack, caplog: pytest.LogCaptureFixture
) -> None:
    """Many questions at once make Chroma open its removed file again, which fails for some of them."""
    index_pack(root, pack.folder, encoders=["tiny-text"])
    graph = StickerRetriever.open(root, recall="hnsw", recall_size=3)
    expected = graph.pick("sad cat", k=1)[0].sticker.id
    for number in (20, 21):
        pack.add(number)
        pack.write()
        index_pack(root, pack.folder)
    assert graph.library.retired and not Library.open(root).retired
    start = Barrier(16)

    def ask() -> set[str]:
        start.wait()
        return {graph.pick("sad cat", k=1)[0].sticker.id for _ in range(25)}

    with caplog.at_level(logging.WARNING, logger="retriever.recall"), ThreadPoolExecutor(16) as pool:
        asked = [pool.submit(ask) for _ in range(16)]
        assert [each.result() for each in asked] == [{expected}] * 16
    assert len(caplog.messages) <= 1


def test_indexing_leaves_an_open_graph_reader_of_this_process_alone(root: Path, pack: TinyPack) -> None:
    index_pack(root, pack.folder, encoders=["tiny-text"])
    reader = StickerRetriever.open(root, recall="hnsw", recall_size=3)
    before = [pick.sticker.id for pick in reader.pick("sad cat")]
    assert index_pack(root, pack.folder).up_to_date  # opens, checks and closes the same Chroma folder
    assert [pick.sticker.id for pick in reader.pick("sad cat")] == before
    pack.add(20)
    pack.write()
    index_pack(root, pack.folder)
    assert [pick.sticker.id for pick in reader.pick("sad cat")] == before


READER = """
import sys
sys.path.insert(0, sys.argv[2])
import tiny_library
tiny_library.register()
from retriever.chain import StickerRetriever
print("ready", flush=True)
seen = set()
while not sys.stdin.closed and not __import__("select").select([sys.stdin], [], [], 0)[0]:
    for recall in ("exact", "hnsw"):
        retriever = StickerRetriever.open(sys.argv[1], recall=recall, recall_size=3)
        assert retriever.pick("sad cat", k=1)[0].sticker.id == "tiny/0001"
        seen.add(retriever.library.name)
print(len(seen), flush=True)
"""


def test_readers_of_other_processes_while_a_writer_swaps(root: Path, pack: TinyPack) -> None:
    index_pack(root, pack.folder, encoders=["tiny-text"])
    command = [sys.executable, "-c", READER, str(root), str(Path(__file__).parents[1])]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    readers = [subprocess.Popen(command, text=True, **pipes) for _ in range(2)]
    for reader in readers:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "ready\n", reader.communicate()[1]
    for number in range(100, 106):
        pack.add(number, name={"en": f"other {number}"}, keywords={})
        pack.write()
        index_pack(root, pack.folder)
    for reader in readers:
        said, wrong = reader.communicate("stop\n", timeout=120)
        assert reader.returncode == 0, wrong
        assert int(said) >= 1


def test_opening_follows_a_swap_that_happens_meanwhile(
    root: Path, pack: TinyPack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The index read from CURRENT is retired before it is opened: the one named now is opened instead."""
    index_pack(root, pack.folder, encoders=[])
    begin = Library.__init__
    swaps = iter((20, 21))

    def slow(self: Library, folder: Path, name: str) -> None:
        for number in swaps:
            pack.add(number)
            pack.write()
            index_pack(root, pack.folder)
        begin(self, folder, name)

    monkeypatch.setattr(Library, "__init__", slow)
    library = Library.open(root)
    assert (library.name, len(library)) == ("000003", 14)


def test_a_lost_or_cut_matrix_is_told(root: Path, pack: TinyPack) -> None:
    index_pack(root, pack.folder, encoders=["tiny-text"])
    library = Library.open(root)
    (spec,) = library.manifest.encoders
    matrix = library.folder / f"vectors-{spec.fingerprint}.npy"
    matrix.write_bytes(matrix.read_bytes()[:-5])
    with pytest.raises(LibraryDamaged, match="sticker index --rebuild"):
        library.vectors(spec)
    matrix.unlink()
    with pytest.raises(LibraryDamaged, match="sticker index --rebuild"):
        StickerRetriever.open(root)
