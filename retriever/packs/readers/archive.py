"""A pack in a zip archive: read member by member into memory, never extracted to a path."""

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from lzma import LZMAError
from pathlib import Path, PurePosixPath
from typing import IO
from unicodedata import normalize
from zipfile import BadZipFile, ZipFile, ZipInfo

from retriever.errors import BadImage, PackError
from retriever.packs.entry import Quarantined
from retriever.packs.limits import Limits
from retriever.packs.readers.names import clean_name, is_clutter
from retriever.packs.readers.tree import TreeFile

_UTF8_FLAG, _ENCRYPTED_FLAG = 0x800, 0x1
_DAMAGE = (BadZipFile, zlib.error, LZMAError, EOFError, OSError, ValueError, struct.error, OverflowError)


class ZipTree:
    """The `Tree` of a zip archive.

    When everything lies in one top folder, that folder is the root, so an archive of a folder reads like the
    folder.

    Raises:
        PackError: the archive is damaged.
    """

    def __init__(self, path: Path, limits: Limits) -> None:
        self.source = str(path)
        self._limits = limits
        try:
            self._zip = ZipFile(path)
        except (*_DAMAGE, NotImplementedError, RuntimeError) as error:
            raise PackError(
                f"{path} is a damaged zip archive ({_said(error)}); download or pack it again"
            ) from error
        members = [(_member_name(info), info) for info in self._zip.infolist() if not info.is_dir()]
        self._members = [(name, info) for name, info in members if not _is_hidden(name)]
        self._root = _single_top_folder([name for name, _ in self._members])
        self.name = clean_name(self._root.rstrip("/") or path.stem)
        self._by_name: dict[str, ZipInfo] = {}
        for name, info in self._members:
            self._by_name.setdefault(normalize("NFC", name[len(self._root) :]), info)

    def files(self) -> Iterator[TreeFile | Quarantined]:
        for name, info in sorted(self._members, key=lambda member: member[0]):
            try:
                yield self._file(name[len(self._root) :], info)
            except BadImage as error:
                shown = clean_name(name.encode("utf-8", "backslashreplace").decode())
                yield Quarantined(shown, self._origin(shown), error.reason, error.detail)

    def find(self, relative: str) -> TreeFile:
        name = normalize("NFC", relative.replace("\\", "/"))
        _check_safe(name)
        name = str(PurePosixPath(name))
        info = self._by_name.get(name)
        if info is None:
            raise BadImage("missing_file", f"{relative!r} is not in {self.source}")
        return self._file(name, info)

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        with self._reading(self._by_name[name]) as stream:
            yield stream

    def has(self, name: str) -> bool:
        """Whether there is a member at `name`, below the root."""
        return name in self._by_name

    def close(self) -> None:
        self._zip.close()

    def _file(self, name: str, info: ZipInfo) -> TreeFile:
        _check_safe(name)
        clean = clean_name(name)
        return TreeFile(
            clean, self._origin(clean), None, partial(self._read, info), partial(self._head, info)
        )

    def _origin(self, name: str) -> str:
        return f"{self.source}!/{name}"

    def _read(self, info: ZipInfo) -> bytes:
        limit = self._limits.max_file_bytes
        if info.file_size > limit:
            raise BadImage("too_large_file", f"unpacks to {info.file_size} bytes; at most {limit} are read")
        with self._reading(info) as stream:
            data = stream.read(limit + 1)
        if len(data) > limit:
            raise BadImage("too_large_file", f"unpacks to more than {limit} bytes")
        if not data:
            raise BadImage("empty", "0 bytes")
        return data

    def _head(self, info: ZipInfo, n_bytes: int) -> bytes:
        with self._reading(info) as stream:
            return stream.read(n_bytes)

    @contextmanager
    def _reading(self, info: ZipInfo) -> Iterator[IO[bytes]]:
        if info.flag_bits & _ENCRYPTED_FLAG:
            raise BadImage("encrypted", "behind a password; unpack the archive and give the folder")
        try:
            with self._zip.open(info) as stream:
                yield stream
        except NotImplementedError as error:
            raise BadImage(
                "unsupported_kind", f"packed in a way that is not read here: {_said(error)}"
            ) from error
        except _DAMAGE as error:
            if isinstance(error, BadImage):
                raise
            raise BadImage("corrupt", f"does not unpack: {_said(error)}") from error


def _member_name(info: ZipInfo) -> str:
    """A member's name as its author saw it; old packers wrote the system's encoding without saying which."""
    name = info.filename
    if not info.flag_bits & _UTF8_FLAG:
        raw = name.encode("cp437", "replace")
        for encoding in ("utf-8", "gb18030"):
            try:
                name = raw.decode(encoding)
                break
            except UnicodeDecodeError:
                continue
    return name.replace("\\", "/")


def _check_safe(name: str) -> None:
    parts = name.split("/")
    if name.startswith("/") or ".." in parts or (len(parts[0]) == 2 and parts[0].endswith(":")):
        raise BadImage("unsafe_path", f"{name!r} leads out of the archive")


def _is_hidden(name: str) -> bool:
    return any(is_clutter(part) for part in name.split("/") if part not in (".", ".."))


def _single_top_folder(names: list[str]) -> str:
    """``folder/`` when every name begins with it, else an empty string."""
    tops = {name.partition("/")[0] for name in names if "/" in name}
    if len(tops) != 1 or any("/" not in name for name in names) or tops & {"", "..", "."}:
        return ""
    return f"{tops.pop()}/"


def _said(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
