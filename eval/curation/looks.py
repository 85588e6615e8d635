"""What stickers look like, and which are the same image; kept in a cache, so that a stopped look goes on."""

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import numpy as np

from retriever.caches import cache_folder
from retriever.errors import BadImage
from retriever.indexing.looks import look_of, read_look
from retriever.indexing.parallel import ordered_map
from retriever.packs import decode
from retriever.packs.duplicates import near_duplicates
from retriever.packs.entry import PackEntry
from retriever.packs.limits import DEFAULT_LIMITS
from retriever.progress import bar

__all__ = ["Look", "alike", "default_cache", "looks_of"]

_LIMITS = replace(DEFAULT_LIMITS, max_sampled_frames=1)
_FLUSH = 256


@dataclass(frozen=True, slots=True)
class Look:
    """One sticker's image.

    Attributes:
        sha256: of its bytes; "" where they cannot be read.
        look: of `retriever.indexing.looks.look_of`; "" where it cannot be decoded.
        problem: why not.
    """

    id: str
    sha256: str = ""
    look: str = ""
    problem: str = ""


def default_cache() -> Path:
    """``looks.jsonl`` where everything that can be worked out again is kept; see `cache_folder`."""
    return cache_folder("looks.jsonl")


def looks_of(
    entries: Iterable[PackEntry], cache: Path | None = None, show_progress: bool | None = None
) -> Iterator[Look]:
    """The look of every sticker, in order; files that have not changed since are not opened again.

    Args:
        cache: a file that is added to; None keeps nothing. It is derived and may be deleted.
    """
    known = _read(cache) if cache else {}
    workers = min(8, os.cpu_count() or 1)
    with bar("Looking", None, show_progress) as advance, _Writer(cache) as writer:
        for stamp, look in ordered_map(lambda entry: _look(entry, known), entries, workers):
            if stamp and stamp not in known:
                writer.add(stamp, look)
            advance(1)
            yield look


def alike(looks: Sequence[Look]) -> list[tuple[int, ...]]:
    """Groups of positions in `looks` with equal bytes or that look alike, each of two or more, increasing."""
    seen = [at for at, look in enumerate(looks) if look.look]
    hashes = np.empty(len(seen), np.uint64)
    thumbnails = np.empty((len(seen), 16, 16, 3), np.uint8)
    for row, at in enumerate(seen):
        hashes[row], thumbnails[row] = read_look(looks[at].look)
    groups = [tuple(seen[row] for row in group) for group in near_duplicates(hashes, thumbnails)]
    return _joined(groups, looks)


def _joined(groups: list[tuple[int, ...]], looks: Sequence[Look]) -> list[tuple[int, ...]]:
    """With those of equal bytes, which may be blank or undecodable."""
    from eval.curation.groups import Groups

    joined = Groups(len(looks))
    first: dict[str, int] = {}
    for at, look in enumerate(looks):
        if look.sha256:
            joined.join(first.setdefault(look.sha256, at), at)
    for group in groups:
        for at in group[1:]:
            joined.join(group[0], at)
    return [group for group in joined.listed() if len(group) > 1]


def _look(entry: PackEntry, known: dict[str, tuple[str, str]]) -> tuple[str | None, Look]:
    stamp = _stamp(entry.path)
    if stamp in known:
        digest, look = known[stamp]
        return stamp, Look(entry.id, digest, look)
    digest = ""
    try:
        data = entry.read()
        digest = sha256(data).hexdigest()
        return stamp, Look(entry.id, digest, look_of(decode(data, _LIMITS).frames[0]))
    except BadImage as error:
        return None, Look(entry.id, digest, "", f"{error.reason}: {error.detail}")


def _stamp(path: Path | None) -> str | None:
    if path is None:
        return None
    try:
        status = path.stat()
    except OSError:
        return None
    return f"{path.absolute()}|{status.st_size}|{status.st_mtime_ns}"


def _read(cache: Path) -> dict[str, tuple[str, str]]:
    known: dict[str, tuple[str, str]] = {}
    with suppress(OSError), cache.open(encoding="utf-8") as lines:
        for line in lines:
            with suppress(ValueError, TypeError):  # a cache: what cannot be read is made again
                stamp, digest, look = json.loads(line)
                known[str(stamp)] = (str(digest), str(look))
    return known


class _Writer:
    """Adds lines to the cache; a torn one is passed over by `_read`."""

    def __init__(self, cache: Path | None) -> None:
        self._cache, self._lines = cache, list[str]()

    def __enter__(self) -> "_Writer":
        return self

    def __exit__(self, *_: object) -> None:
        self._flush()

    def add(self, stamp: str, look: Look) -> None:
        self._lines.append(json.dumps([stamp, look.sha256, look.look]) + "\n")
        if len(self._lines) >= _FLUSH:
            self._flush()

    def _flush(self) -> None:
        if self._cache is None or not self._lines:
            return
        self._cache.parent.mkdir(parents=True, exist_ok=True)
        with self._cache.open("a", encoding="utf-8") as file:
            file.write("\n" + "".join(self._lines) if file.tell() else "".join(self._lines))
        self._lines.clear()
