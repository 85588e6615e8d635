"""The cache of decoded stickers: one memory-mapped uint8 file a set of images, built once.

::

    stamps.jsonl                        path|size|time, SHA-256: unchanged files are not read again
    128-pad-1f0c2d3e4a5b/pixels.npy     (m, 128, 128, 3) uint8
    128-pad-1f0c2d3e4a5b/hashes.json    the SHA-256 of each of them, and why some could not be decoded

Everything here is derived and may be deleted.
"""

import hashlib
import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retriever.caches import cache_folder
from retriever.errors import BadImage
from retriever.progress import bar
from retriever.rankers.parts.config import Fit
from retriever.rankers.parts.pixels import square
from retriever.store.atomic import new_folder, write_bytes, write_json
from trainers.images.sources import ImageSource

__all__ = ["CachedImages", "cache_images", "default_cache"]

VERSION = 1
"""Raised whenever the same bytes would come out as other pixels."""

_CHUNK = 256


@dataclass(frozen=True, slots=True)
class CachedImages:
    """The pixels of some sources.

    Attributes:
        images: (m, side, side, 3) uint8 RGB, memory-mapped; one for each distinct image.
        image_of: (n,) int64, the image of each source, or -1 where it cannot be used.
        sha256: (n) of the source's bytes; "" where they could not be read.
        problems: for each source that cannot be used, its id and why.
    """

    images: NDArray[np.uint8]
    image_of: NDArray[np.int64]
    sha256: tuple[str, ...]
    problems: dict[str, str]


def default_cache() -> Path:
    """Where decoded pixels are kept unless a configuration says otherwise; see `cache_folder`."""
    return cache_folder("pixels")


def cache_images(
    sources: Sequence[ImageSource],
    folder: Path,
    side: int = 128,
    fit: Fit = "pad",
    show_progress: bool | None = None,
) -> CachedImages:
    """Pixels of every source, from the cache at `folder` or decoded into it now.

    Keyed by the images' SHA-256, so moving or renaming files costs a read, and nothing else. A kill leaves no
    half cache, and two processes may build the same one.

    Args:
        side: pixels along an edge.
        fit: see `retriever.rankers.parts.config.Fit`.
    """
    hashes, problems = _hashes(sources, folder, show_progress)
    first: dict[str, int] = {}
    for at, digest in enumerate(hashes):
        if digest:
            first.setdefault(digest, at)
    distinct = sorted(first)
    name = hashlib.sha256("\n".join([str(VERSION), *distinct]).encode()).hexdigest()[:12]
    place = folder / f"{side}-{fit}-{name}"
    if not (place / "hashes.json").exists():
        _build(place, [sources[first[digest]] for digest in distinct], distinct, side, fit, show_progress)
    stored = json.loads((place / "hashes.json").read_text(encoding="utf-8"))
    row_of = {digest: row for row, digest in enumerate(stored["sha256"]) if digest not in stored["bad"]}
    for source, digest in zip(sources, hashes, strict=True):
        if digest in stored["bad"]:
            problems[source.id] = stored["bad"][digest]
    images = np.load(place / "pixels.npy", mmap_mode="r" if distinct else None)
    image_of = np.fromiter((row_of.get(digest, -1) for digest in hashes), np.int64, len(hashes))
    return CachedImages(images, image_of, tuple(hashes), problems)


def _build(
    place: Path, sources: Sequence[ImageSource], hashes: Sequence[str], side: int, fit: Fit, show: bool | None
) -> None:
    bad: dict[str, str] = {}

    def pixels(source: ImageSource) -> NDArray[np.uint8] | str:
        try:
            return square(source.picture(source.read()), side, fit)
        except BadImage as error:
            return str(error)

    try:
        with (
            new_folder(place) as folder,
            ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as threads,
            bar("Decoding", len(sources), show) as advance,
        ):
            shape = (len(sources), side, side, 3)
            images = np.lib.format.open_memmap(folder / "pixels.npy", "w+", np.uint8, shape)
            for start in range(0, len(sources), _CHUNK):
                chunk = sources[start : start + _CHUNK]
                for row, found in enumerate(threads.map(pixels, chunk), start):
                    if isinstance(found, str):
                        bad[hashes[row]] = found
                    else:
                        images[row] = found
                advance(len(chunk))
            images.flush()
            write_json(folder / "hashes.json", {"sha256": list(hashes), "bad": bad})
    except OSError:
        if not (place / "hashes.json").exists():  # else another process was faster, with the same pixels
            raise


def _hashes(
    sources: Sequence[ImageSource], folder: Path, show: bool | None
) -> tuple[list[str], dict[str, str]]:
    known = _stamps(folder / "stamps.jsonl")
    stamps = [source.stamp() for source in sources]
    found = [known.get(stamp, "") if stamp else "" for stamp in stamps]
    unread = [at for at, digest in enumerate(found) if not digest]
    problems: dict[str, str] = {}
    with (
        ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as threads,
        bar("Reading", len(unread), show) as step,
    ):
        for start in range(0, len(unread), _CHUNK):
            chunk = unread[start : start + _CHUNK]
            for at, (digest, problem) in zip(
                chunk, threads.map(_digest, (sources[at] for at in chunk)), strict=True
            ):
                found[at] = digest
                if problem:
                    problems[sources[at].id] = problem
            step(len(chunk))
    fresh = {stamp: found[at] for at in unread if (stamp := stamps[at]) and found[at]}
    if fresh:
        lines = (json.dumps([stamp, digest]) for stamp, digest in {**known, **fresh}.items())
        write_bytes(folder / "stamps.jsonl", ("\n".join(lines) + "\n").encode())
    return found, problems


def _digest(source: ImageSource) -> tuple[str, str]:
    try:
        return hashlib.sha256(source.read()).hexdigest(), ""
    except BadImage as error:
        return "", str(error)


def _stamps(path: Path) -> dict[str, str]:
    known: dict[str, str] = {}
    try:
        for line in path.read_text("utf-8").splitlines():
            stamp, digest = json.loads(line)
            known[str(stamp)] = str(digest)
    except (OSError, ValueError, TypeError):  # a cache: what cannot be read is made again
        pass
    return known
