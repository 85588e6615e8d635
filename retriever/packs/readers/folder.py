"""A pack in a folder: walked in order, links kept inside, sizes asked before bytes are read."""

import os
import stat
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import IO
from unicodedata import normalize

from retriever.errors import BadImage
from retriever.packs.entry import Quarantined
from retriever.packs.limits import Limits
from retriever.packs.readers.names import clean_name, is_clutter
from retriever.packs.readers.tree import TreeFile


class FolderTree:
    """The `Tree` of a folder.

    Links to files inside the folder are followed; links that lead outside, and links to folders (their files
    are read where they lie, and a loop would never end), are quarantined.
    """

    def __init__(self, root: Path, limits: Limits) -> None:
        """`root`: resolved, an existing folder."""
        self.root = root
        self.source = str(root)
        self.name = clean_name(root.name) or "pack"
        self._limits = limits
        self._real_parents: dict[str, str] = {}

    def files(self) -> Iterator[TreeFile | Quarantined]:
        pending = [self.root]
        while pending:
            path = pending.pop()
            try:
                if path is self.root or (path.is_dir() and not path.is_symlink()):
                    with os.scandir(path) as entries:
                        names = sorted(
                            (entry.name for entry in entries if not is_clutter(entry.name)), reverse=True
                        )
                    pending.extend(path / name for name in names)
                else:
                    yield self._file(path, clean_name(path.relative_to(self.root).as_posix()))
            except OSError as error:
                yield self._refuse(path, "unreadable", _said(error))
            except BadImage as error:
                yield self._refuse(path, error.reason, error.detail)

    def find(self, relative: str) -> TreeFile:
        path = self._inside(relative)
        name = clean_name(os.path.relpath(path, self.root).replace(os.sep, "/"))
        for candidate in dict.fromkeys((path, normalize("NFC", path), normalize("NFD", path))):
            if os.path.lexists(candidate):
                return self._file(Path(candidate), name)
        raise BadImage("missing_file", f"{relative!r} is not in {self.root}")

    def open(self, name: str) -> IO[bytes]:
        return (self.root / name).open("rb")

    def close(self) -> None:
        pass

    def _inside(self, relative: str) -> str:
        """The path that `relative` means, made sure to lie below the root before the disk is asked."""
        if not relative or "\0" in relative:
            raise BadImage("missing_file", f"{relative!r} is no file name")
        path = os.path.normpath(self.root / relative)
        if "\\" in relative and not os.path.lexists(path):
            path = os.path.normpath(self.root / relative.replace("\\", "/"))
        if not _is_below(path, self.source):
            raise BadImage("unsafe_path", f"{relative!r} leaves the pack folder")
        parent = os.path.dirname(path)  # noqa: PTH120 - str paths: this runs once a sticker
        real = self._real_parents.get(parent)
        if real is None:
            real = self._real_parents[parent] = os.path.realpath(parent)
        if not _is_below(real, self.source) and real != self.source:
            raise BadImage(
                "unsafe_path", f"{relative!r} leads through a link to {real}, outside the pack folder"
            )
        return path

    def _file(self, path: Path, name: str) -> TreeFile:
        if path.is_symlink():
            self._check_link(path)
        read, head = partial(read_file, path, self._limits.max_file_bytes), partial(read_head, path)
        return TreeFile(name, str(path), path, read, head)

    def _check_link(self, path: Path) -> None:
        real = os.path.realpath(path)
        try:
            mode = path.stat().st_mode
        except FileNotFoundError as error:
            raise BadImage("missing_file", f"a link to {real}, which is not there") from error
        except OSError as error:
            raise BadImage("unreadable", _said(error)) from error
        if stat.S_ISDIR(mode):
            raise BadImage("unsafe_path", f"a link to the folder {real}; links to folders are not followed")
        if not _is_below(real, self.source):
            raise BadImage("unsafe_path", f"a link to {real}, outside the pack; copy it in")

    def _refuse(self, path: Path, reason: str, detail: str) -> Quarantined:
        shown = path.relative_to(self.root).as_posix().encode("utf-8", "backslashreplace").decode()
        return Quarantined(clean_name(shown), clean_name(f"{self.root}/{shown}"), reason, detail)


def read_file(path: Path, max_bytes: int) -> bytes:
    """The bytes of a regular file; its size is asked before anything is read.

    Raises:
        BadImage: ``missing_file``, ``not_an_image`` (a folder, device or pipe), ``empty``, ``too_large_file``
            or ``unreadable``.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            what = "a folder" if stat.S_ISDIR(status.st_mode) else "a device or pipe"
            raise BadImage("not_an_image", f"it is {what}")
        if status.st_size > max_bytes:
            raise BadImage("too_large_file", f"{status.st_size} bytes; at most {max_bytes} are read")
        if status.st_size == 0:
            raise BadImage("empty", "0 bytes")
        with path.open("rb", buffering=0) as file:
            data = file.read(max_bytes + 1)
    except FileNotFoundError as error:
        raise BadImage("missing_file", f"{path} is not there") from error
    except OSError as error:
        raise BadImage("unreadable", _said(error)) from error
    if len(data) > max_bytes:  # it grew since it was asked
        raise BadImage("too_large_file", f"more than {max_bytes} bytes")
    return data


def read_head(path: Path, n_bytes: int) -> bytes:
    """The first `n_bytes` of a regular file; nothing of anything else.

    Raises:
        BadImage: ``unreadable``.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return b""
        with path.open("rb", buffering=0) as file:
            return file.read(n_bytes)
    except OSError as error:
        raise BadImage("unreadable", _said(error)) from error


def _is_below(path: str, root: str) -> bool:
    return path.startswith(root.rstrip(os.sep) + os.sep)


def _said(error: OSError) -> str:
    return error.strerror or type(error).__name__
