"""Chroma itself: what is kept of a sticker, and a real server with the same code."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from tiny_library import TinyPack

from retriever.chain import StickerRetriever
from retriever.errors import InputError, LibraryDamaged, LibraryError
from retriever.indexing import index_pack, rebuild_index
from retriever.store import chroma, tables
from retriever.store.library import Library
from retriever.store.paths import LibraryPaths
from retriever.types import Attributes, Sticker


def test_metadata_has_no_empty_values() -> None:
    assert tables.sticker_metadata(Sticker("a", "p", "h", "/a")) == {
        "pack": "p", "sha256": "h", "path": "/a", "kind": "png", "n_frames": 1,
    }  # fmt: skip
    full = Sticker("a", "p", "h", "/a", name={"zh": "猫", "en": ""}, tags=("x", "y"), emotion="joy",
                   attributes=Attributes(verbal="hi"))  # fmt: skip
    more = tables.sticker_metadata(full)
    assert (more["name_zh"], more["tags"], more["verbal"], more["emotion"]) == ("猫", ["x", "y"], "hi", "joy")
    assert "name_en" not in more


@pytest.mark.parametrize("url", ["", "localhost", "localhost:8000", "ftp://h:1", "http://", "http://h:port"])
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(InputError, match="http://HOST:PORT"):
        chroma.connect(url)


def numbers(n: int) -> np.ndarray:
    vectors = np.random.default_rng(0).normal(size=(n, 8)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_a_collection_of_several_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chroma, "BATCH", 7)
    stickers = [Sticker(f"s{i:02d}", "p", f"h{i}", "/a") for i in range(30)]
    vectors = numbers(30)
    written: list[int] = []
    with chroma.open_client(tmp_path) as client:
        chroma.build_collection(
            client, "stickers", tables.sticker_table(stickers, ["d"] * 30), vectors, written.append
        )
        chroma.verify_collection(client, "stickers", vectors)
        collection = client.get_collection("stickers", embedding_function=None)
        for row in (0, 13, 29):
            ids, distances = chroma.nearest(collection, vectors[row], 5)
            best = np.argsort(-vectors @ vectors[row])[:5]
            assert ids == [f"s{i:02d}" for i in best]
            assert np.allclose(distances, 1 - (vectors @ vectors[row])[best], atol=1e-5)
        with pytest.raises(LibraryDamaged, match="has 30 rows, expected 29"):
            chroma.verify_collection(client, "stickers", vectors[:29])
        with pytest.raises(LibraryDamaged, match="away from itself"):
            chroma.verify_collection(client, "stickers", np.roll(vectors, 1, axis=1))
        with pytest.raises(LibraryDamaged, match="does not open"):
            chroma.verify_collection(client, "others", vectors)
    assert written == [7, 7, 7, 7, 2]


def test_refused_rows_are_one_line_and_not_a_traceback(tmp_path: Path) -> None:
    twins = [Sticker("same", "p", "h", "/a")] * 2
    with chroma.open_client(tmp_path) as client, pytest.raises(LibraryError, match="index in use stays"):
        chroma.build_collection(client, "stickers", tables.sticker_table(twins, ["d"] * 2), numbers(2))


def test_a_folder_without_a_database_is_not_filled(tmp_path: Path) -> None:
    with pytest.raises(LibraryDamaged, match="no Chroma database"):
        chroma.connect_existing(tmp_path / "none")
    assert not (tmp_path / "none").exists()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def server(folder: Path, port: int) -> Iterator[str]:
    """A real `chroma run`, killed at the end."""
    command = [
        str(Path(sys.executable).with_name("chroma")),
        "run",
        "--path",
        str(folder),
        "--port",
        str(port),
    ]
    with subprocess.Popen([*command, "--host", "127.0.0.1"], stdout=subprocess.DEVNULL) as process:
        try:
            for _ in range(600):
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                assert process.poll() is None, "the server did not start"
                time.sleep(0.1)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()


def collections(url: str) -> set[str]:
    with chroma.open_client(url) as client:
        return {collection.name for collection in client.list_collections()}


def test_a_server_instead_of_a_folder(root: Path, pack: TinyPack, tmp_path: Path) -> None:
    port = free_port()
    with server(tmp_path / "server", port) as url:
        with chroma.open_client(url) as client:
            client.create_collection("stickers")  # somebody else's
        report = index_pack(root, pack.folder, encoders=["tiny-text", "tiny-image"], chroma_url=url)
        library = Library.open(root)
        assert not (library.folder / "chroma").exists()
        assert library.collection().count() == 12
        exact = StickerRetriever.open(root).pick("sad cat")
        graph = StickerRetriever.open(root, recall="hnsw", recall_size=5).pick("sad cat")
        assert [pick.sticker for pick in graph[:1]] == [pick.sticker for pick in exact[:1]]
        assert index_pack(root, pack.folder).up_to_date

        first = collections(url) - {"stickers"}
        assert len(first) == 2
        names = [report.index]
        for number in (20, 21):
            pack.add(number)
            pack.write()
            names.append(index_pack(root, pack.folder).index)
        now = collections(url)
        assert not first & now, "the collections of the first index are retired with it"
        assert len(now) == 5  # two indexes of two encoders, and somebody else's

    pack.add(22)
    pack.write()
    with pytest.raises(LibraryError, match=f"no Chroma server answers at http://127.0.0.1:{port}"):
        index_pack(root, pack.folder)
    assert Library.open(root).name == names[-1]
    assert len(StickerRetriever.open(root).pick("sad cat")) == 3  # exact recall needs no server
    with pytest.raises(LibraryError, match="no Chroma server answers"):
        StickerRetriever.open(root, recall="hnsw", recall_size=3)
    with pytest.raises(LibraryError, match="no Chroma server answers"):
        rebuild_index(root)

    with server(tmp_path / "server", port) as url:
        report = index_pack(root, pack.folder)
        assert report.total == 15
        assert report.encoded == 0  # the failed run kept its vectors
        # a collection of a killed run, and of an encoder it had and the next has not
        manifest = Library.open(root).manifest
        killed = f"stickers-{manifest.library_id}-{int(report.index) + 1:06d}"
        with chroma.open_client(url) as client:
            client.create_collection(killed)
            client.create_collection(f"{killed}-0123456789ab")
        pack.add(23)
        pack.write()
        index_pack(root, pack.folder)
        assert f"{killed}-0123456789ab" not in collections(url)
        # back to the embedded store: what is on the server goes once it is retired, never another's
        for number in (24, 25):
            pack.add(number)
            pack.write()
            index_pack(root, pack.folder, chroma_url="embedded")
        assert collections(url) == {"stickers"}
        # and to the server again: the embedded one's collection is called like somebody else's
        for number in (26, 27, 28):
            pack.add(number)
            pack.write()
            index_pack(root, pack.folder, chroma_url=url)
        assert "stickers" in collections(url)
    assert len(Library.open(root)) == 21


def test_a_graph_reader_of_a_server(root: Path, pack: TinyPack, tmp_path: Path) -> None:
    """Its collection goes with the index, and it reads on; taken away from the index in use, it is damage."""
    with server(tmp_path / "server", free_port()) as url:
        index_pack(root, pack.folder, encoders=["tiny-text"], chroma_url=url)
        reader = StickerRetriever.open(root, recall="hnsw", recall_size=3)
        before = reader.pick("sad cat", k=1)[0].sticker
        for _ in range(2):
            rebuild_index(root)
        assert reader.library.retired
        assert reader.pick("sad cat", k=1)[0].sticker == before

        reader = StickerRetriever.open(root, recall="hnsw", recall_size=3)
        with chroma.open_client(url) as client:
            for collection in client.list_collections():
                client.delete_collection(collection.name)
        with pytest.raises(LibraryDamaged, match="sticker index --rebuild"):
            reader.pick("sad cat", k=1)


def test_a_server_that_was_never_there_is_not_remembered(root: Path, pack: TinyPack) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(LibraryError, match="chroma run"):
        index_pack(root, pack.folder, encoders=[], chroma_url=url)
    with pytest.raises(InputError, match="expected http"):
        index_pack(root, pack.folder, encoders=[], chroma_url="nonsense")
    assert not LibraryPaths(root).manifest.exists()
    assert index_pack(root, pack.folder, encoders=[]).total == 12
