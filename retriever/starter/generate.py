"""Draws sticker packs: the one that ships, or any number of stickers for load tests.

``python -m retriever.starter.generate OUT [--count N] [--size PX] [--seed S]``
"""

from __future__ import annotations

import hashlib
import json
import logging
import multiprocessing
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from retriever.errors import InputError
from retriever.starter.catalogue import catalogue
from retriever.starter.draw.figure import draw, draw_frames
from retriever.starter.draw.raster import paint, paint_frames
from retriever.starter.draw.spec import StickerSpec
from retriever.starter.encode import SUFFIX, encode
from retriever.starter.rows import sticker_row
from retriever.starter.sample import place, sample_spec

__all__ = ["generate", "sticker_bytes"]

logger = logging.getLogger(__name__)
CHUNK = 50
STAMP = "generate.json"
STICKERS = "stickers.jsonl"
POOL_FROM = 400
"""Below so many stickers starting worker processes costs more than it saves."""


def sticker_bytes(spec: StickerSpec, size: int = 256, effort: int = 6) -> bytes:
    """The encoded image of `spec`, `size` pixels square."""
    supersample = 4 if size >= 160 else 3
    return encode(paint_frames(draw_frames(spec), size, supersample), spec.container, effort)


def generate(
    out: Path,
    count: int | None = None,
    seed: int = 0,
    size: int = 256,
    show_progress: bool | None = None,
    workers: int | None = None,
) -> int:
    """Write a pack in the native format into `out`.

    Killed at any moment and called again with the same arguments, it keeps the finished images and ends with
    the same files. ``stickers.jsonl`` appears last, whole.

    Args:
        out: folder, made if absent.
        count: how many stickers to draw; None writes the pack that ships.
        seed: which stickers `count` gives; the shipped pack does not depend on it.
        size: pixels a side.
        show_progress: a bar on stderr; None follows the log level (INFO or lower shows it).
        workers: processes; None means one a core.

    Returns:
        The number of stickers in the pack.

    Raises:
        InputError: a number is out of range, or `out` holds a pack of other settings.
    """
    if count is not None and count < 1:
        raise InputError(f"count is {count}; expected 1 or more")
    if not 16 <= size <= 1024:
        raise InputError(f"size is {size} pixels; expected 16 to 1024")
    out = Path(out)
    total = len(catalogue()) if count is None else count
    if count is not None:
        _stamp(out, {"seed": seed, "size": size})
    show = logger.isEnabledFor(logging.INFO) if show_progress is None else show_progress
    with _bar(show) as bar:
        task = bar.add_task("drawing stickers", total=total)
        if count is None:
            rows = _draw_starter(out, size, partial(bar.advance, task))
        else:
            _draw_many(out, count, seed, size, workers, partial(bar.advance, task))
            rows = _many_rows(count, seed)
        _write_rows(out / STICKERS, rows)
    return total


def _stamp(out: Path, settings: dict[str, Any]) -> None:
    out.mkdir(parents=True, exist_ok=True)
    path = out / STAMP
    if path.exists():
        found = json.loads(path.read_text(encoding="utf-8"))
        if found != settings:
            raise InputError(f"{out} holds a pack drawn with {found}, not {settings}; give another folder")
    elif (out / STICKERS).exists():
        raise InputError(f"{out} holds a {STICKERS} that was not drawn here; give another folder")
    else:
        _write(path, (json.dumps(settings) + "\n").encode())
    for torn in (out / "images").glob("*/*.part"):
        torn.unlink()


def _draw_starter(out: Path, size: int, advance: partial[None]) -> Iterator[dict[str, Any]]:
    rows = []
    for spec in catalogue():
        image = f"images/{spec.character}/{spec.slug}.{SUFFIX[spec.container]}"
        _write(out / image, sticker_bytes(spec, size))
        rows.append(sticker_row(spec, spec.character, image))
        advance(1)
    return iter(rows)


def _image_of(index: int, spec: StickerSpec) -> str:
    return f"images/{place(index)[1]:04d}/{spec.slug}.webp"


def _many_rows(count: int, seed: int) -> Iterator[dict[str, Any]]:
    for index in range(count):
        pack, spec = sample_spec(index, seed)
        yield sticker_row(spec, pack, _image_of(index, spec))


def _draw_many(
    out: Path, count: int, seed: int, size: int, workers: int | None, advance: partial[None]
) -> None:
    seen: set[bytes] = set()
    chunks = [range(start, min(start + CHUNK, count)) for start in range(0, count, CHUNK)]
    draw_chunk = partial(_draw_chunk, str(out), seed, size)
    for indices, digests in zip(
        chunks, _map(draw_chunk, chunks, workers if count >= POOL_FROM else 1), strict=True
    ):
        for index, digest in zip(indices, digests, strict=True):
            attempt = 0
            while digest in seen:
                attempt += 1
                digest = _draw_one(out, index, seed, size, attempt)
            seen.add(digest)
        advance(len(indices))


def _map(function: partial[list[bytes]], chunks: list[range], workers: int | None) -> Iterator[list[bytes]]:
    """`function` over `chunks` in order, with a bounded number in flight."""
    workers = workers or os.cpu_count() or 1
    if workers == 1:
        yield from map(function, chunks)
        return
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield from _in_order(pool, function, chunks, ahead=4 * workers)


def _in_order(
    pool: Executor, function: partial[list[bytes]], chunks: Iterable[range], ahead: int
) -> Iterator[list[bytes]]:
    waiting: list[Future[list[bytes]]] = []
    for chunk in chunks:
        waiting.append(pool.submit(function, chunk))
        if len(waiting) >= ahead:
            yield waiting.pop(0).result()
    for future in waiting:
        yield future.result()


def _draw_chunk(out: str, seed: int, size: int, indices: range) -> list[bytes]:
    """Draw what is missing; the digests of all images of `indices`, in order."""
    return [_draw_one(Path(out), index, seed, size) for index in indices]


def _draw_one(out: Path, index: int, seed: int, size: int, attempt: int = 0) -> bytes:
    _, spec = sample_spec(index, seed, attempt)
    path = out / _image_of(index, spec)
    if not attempt and path.exists():
        return hashlib.sha256(path.read_bytes()).digest()
    data = encode([paint(draw(spec), size, 4 if size >= 160 else 3)], "webp", effort=4 if size >= 160 else 0)
    _write(path, data)
    return hashlib.sha256(data).digest()


def _write(path: Path, data: bytes) -> None:
    """All of `data` or nothing: written beside and renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    part.write_bytes(data)
    part.replace(path)


def _write_rows(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    part = path.with_name(f"{path.name}.part")
    with part.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    part.replace(path)


def _bar(show: bool) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True), disable=not show)


if __name__ == "__main__":
    from retriever.starter.generate_cli import main

    main()
