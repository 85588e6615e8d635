"""One writer: refused with the holder's name, freed by its death."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from retriever.errors import LibraryLocked
from retriever.store.lock import is_held, writer_lock
from retriever.store.paths import LibraryPaths

HOLDER = """
import sys, time
from pathlib import Path
from retriever.store.lock import writer_lock
from retriever.store.paths import LibraryPaths
with writer_lock(LibraryPaths(Path(sys.argv[1]))):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def holder(root: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", HOLDER, str(root)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process


def test_another_process_is_named(tmp_path: Path) -> None:
    paths = LibraryPaths(tmp_path)
    with holder(tmp_path) as process:
        with pytest.raises(LibraryLocked) as refused, writer_lock(paths, timeout=0):
            pass
        assert f"process {process.pid} on " in str(refused.value)
        assert str(tmp_path) in str(refused.value).partition("(")[2]  # its command line
        assert "since 20" in str(refused.value)
        assert f"process {process.pid} " in (is_held(paths) or "")
    assert is_held(paths) is None
    assert not paths.holder.exists()


def test_a_killed_holder_frees_it(tmp_path: Path) -> None:
    paths = LibraryPaths(tmp_path)
    with holder(tmp_path) as process:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert paths.holder.exists()
        assert is_held(paths) is None
        with writer_lock(paths, timeout=0):
            assert json.loads(paths.holder.read_text())["pid"] == os.getpid()
    assert not paths.holder.exists()


def test_the_note_of_a_dead_holder_is_not_believed(tmp_path: Path) -> None:
    paths = LibraryPaths(tmp_path)
    with holder(tmp_path) as dead:
        os.kill(dead.pid, signal.SIGKILL)
        dead.wait()
        note = paths.holder.read_bytes()
    with holder(tmp_path):
        paths.holder.write_bytes(note)  # as if the new holder had not written its own yet
        with pytest.raises(LibraryLocked, match="not said who it is"), writer_lock(paths, timeout=0):
            pass


@pytest.mark.parametrize("note", [b"", b"{", b"[]", b'{"pid": "x"}', b"\xff"])
def test_a_garbled_note_does_not_matter(tmp_path: Path, note: bytes) -> None:
    paths = LibraryPaths(tmp_path)
    with holder(tmp_path):
        paths.holder.write_bytes(note)
        with pytest.raises(LibraryLocked, match="not said who it is"), writer_lock(paths, timeout=0):
            pass


def test_the_same_process_cannot_hold_it_twice(tmp_path: Path) -> None:
    paths = LibraryPaths(tmp_path)
    with writer_lock(paths), pytest.raises(LibraryLocked), writer_lock(paths, timeout=0):
        pass


def test_waits_for_a_holder_that_goes(tmp_path: Path) -> None:
    paths = LibraryPaths(tmp_path)
    with holder(tmp_path) as process:
        assert process.stdin is not None
        process.stdin.close()
        with writer_lock(paths, timeout=30):
            pass


def test_released_after_an_error(tmp_path: Path) -> None:
    paths = LibraryPaths(tmp_path / "new")
    with pytest.raises(RuntimeError), writer_lock(paths):
        raise RuntimeError
    assert is_held(paths) is None


def test_nobody_holds_a_library_that_is_not_there(tmp_path: Path) -> None:
    assert is_held(LibraryPaths(tmp_path / "none")) is None
    assert not (tmp_path / "none").exists()
