"""Old or new, never half; nothing of anybody else's is deleted."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from retriever.store.atomic import TEMPORARY, new_folder, remove_folder, write_bytes, write_json
from retriever.store.paths import LibraryPaths


def test_replaces_and_leaves_nothing_beside(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "file"
    write_bytes(path, b"old")
    write_bytes(path, b"new")
    assert path.read_bytes() == b"new"
    assert [p.name for p in path.parent.iterdir()] == ["file"]


def test_json_is_readable_by_people(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"name": "猫"})
    assert (tmp_path / "a.json").read_text(encoding="utf-8") == '{\n  "name": "猫"\n}\n'


def test_a_failed_write_keeps_the_old_file_and_no_temporary_one(tmp_path: Path) -> None:
    write_bytes(tmp_path / "file", b"old")
    with pytest.raises(TypeError):
        write_bytes(tmp_path / "file", "text")  # type: ignore[arg-type]
    assert (tmp_path / "file").read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("umask", [0o022, 0o027, 0o077])
def test_files_of_a_new_folder_are_read_by_whom_new_files_are(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        with new_folder(tmp_path / "checkpoint") as folder:
            (folder / "plain").write_bytes(b"a")
            (folder / "private").touch(mode=0o600)
            (folder / "program").touch(mode=0o755)
    finally:
        os.umask(before)
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "checkpoint").iterdir()}
    expected = 0o666 & ~umask
    assert modes == {"plain": expected, "private": expected, "program": 0o755 & ~umask}


def test_threads_writing_the_same_file_do_not_meet(tmp_path: Path) -> None:
    failures: list[BaseException] = []

    def write() -> None:
        try:
            for _ in range(30):
                write_bytes(tmp_path / "same", b"x" * 5000)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert (tmp_path / "same").read_bytes() == b"x" * 5000


KILLED_WRITER = """
import sys
from pathlib import Path
from retriever.store.atomic import write_bytes
sys.stdout.write("go\\n"); sys.stdout.flush()
n = 0
while True:
    n += 1
    write_bytes(Path(sys.argv[1]), bytes([n % 256]) * 300_000)
"""


def test_a_killed_writer_leaves_one_whole_version(tmp_path: Path) -> None:
    target = tmp_path / "file"
    write_bytes(target, b"\0" * 300_000)
    for delay in (0.0, 0.003, 0.01, 0.03):
        command = [sys.executable, "-c", KILLED_WRITER, str(target)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            threading.Event().wait(delay)
            os.kill(writer.pid, signal.SIGKILL)
        data = target.read_bytes()
        assert data == data[:1] * 300_000


def test_new_folder_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    with new_folder(tmp_path / "index" / "1") as folder:
        (folder / "inner").mkdir()
        (folder / "inner" / "a").write_text("a")
        assert not (tmp_path / "index" / "1").exists()
    assert (tmp_path / "index" / "1" / "inner" / "a").read_text() == "a"
    with pytest.raises(RuntimeError), new_folder(tmp_path / "index" / "2") as folder:
        (folder / "a").write_text("a")
        raise RuntimeError
    assert [p.name for p in (tmp_path / "index").iterdir()] == ["1"]


def test_new_folder_does_not_replace_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "kept").touch()
    with pytest.raises(OSError), new_folder(tmp_path / "1"):
        pass
    assert [p.name for p in tmp_path.iterdir()] == ["1"]
    assert (tmp_path / "1" / "kept").exists()


def test_remove_folder(tmp_path: Path) -> None:
    (tmp_path / "1" / "x").mkdir(parents=True)
    remove_folder(tmp_path / "1")
    assert list(tmp_path.iterdir()) == []


def test_only_the_librarys_own_leftovers_are_removed(tmp_path: Path) -> None:
    mine = [
        f"{TEMPORARY}1-ab-library.json", f"{TEMPORARY}1-ab-CURRENT", f"journal/{TEMPORARY}1-ab-x.jsonl",
        f"vectors/0123456789ab/{TEMPORARY}1-ab-1.safetensors", f"images/ab/{TEMPORARY}1-ab-abc.png",
        f"index/{TEMPORARY}1-ab-000001/chroma/chroma.sqlite3", "index/000002/chroma/chroma.sqlite3",
    ]  # fmt: skip
    others = [
        f"{TEMPORARY}of-another-program",
        f"pack/{TEMPORARY}x",
        "journal/x.jsonl",
        "index/000001/index.json",
        "index/000001/chroma/chroma.sqlite3",
        "index/2023/chroma.jpg",
    ]
    for name in (*mine, *others):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert len(LibraryPaths(tmp_path).remove_unfinished()) == len(mine)
    assert not any((tmp_path / name).exists() for name in mine)
    assert all((tmp_path / name).exists() for name in others)
    assert LibraryPaths(tmp_path).unfinished() == []
