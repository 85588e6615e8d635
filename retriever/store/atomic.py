"""Writing files so that a reader, or the next run after a `kill -9`, sees the old or the new, never half."""

import json
import os
import shutil
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

TEMPORARY = ".tmp-"
"""Prefix of everything unfinished; whatever bears it may be deleted when no writer runs."""


def temporary_beside(path: Path) -> Path:
    """A name in the folder of `path` that no other process or thread uses, marked as unfinished."""
    return path.with_name(f"{TEMPORARY}{os.getpid()}-{uuid.uuid4().hex[:8]}-{path.name}")


def sync(path: Path) -> None:
    """Flush a file's bytes, or a folder's entries, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(path: Path) -> None:
    """Make `path` and its missing parents, each of them durably."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    for folder in reversed(missing):
        folder.mkdir(exist_ok=True)
        sync(folder.parent)


def write_bytes(path: Path, data: bytes) -> None:
    """Replace `path` by `data` in one step; its folder is made if needed."""
    write_chunks(path, (data,))


def write_chunks(path: Path, chunks: Iterable[bytes]) -> None:
    """As `write_bytes`, of data that need not fit into memory; if `chunks` raises, `path` stays as it was."""
    make_folder(path.parent)
    temporary = temporary_beside(path)
    try:
        with temporary.open("wb") as file:
            file.writelines(chunks)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync(path.parent)


def write_json(path: Path, value: Any) -> None:
    """Replace `path` by `value` as readable JSON in one step."""
    write_bytes(path, (json.dumps(value, ensure_ascii=False, indent=2) + "\n").encode())


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A temporary folder that becomes `path` when the block ends well, and is removed when it does not.

    Whoever may read a new file of ours may read those in it.

    Raises:
        OSError: `path` exists and is not empty.
    """
    make_folder(path.parent)
    temporary = temporary_beside(path)
    temporary.mkdir()
    try:
        yield temporary
        usual = temporary.stat().st_mode & 0o666
        for folder, _, files in os.walk(temporary):
            for name in files:
                file = Path(folder, name)
                file.chmod(file.stat().st_mode | usual)  # safetensors keeps what it writes to its owner
                sync(file)
            sync(Path(folder))
        temporary.rename(path)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    sync(path.parent)


def remove_folder(path: Path) -> None:
    """Remove a folder so that it is whole or gone under its name, also when killed on the way."""
    temporary = temporary_beside(path)
    path.rename(temporary)
    sync(path.parent)
    shutil.rmtree(temporary, ignore_errors=True)
