"""The second stage: every sticker without a vector of record gets one."""

import hashlib
import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from retriever.documents import document
from retriever.encoders.base import Encoder, Vectors
from retriever.errors import BadImage, ModelError
from retriever.indexing.parallel import ordered_map
from retriever.packs import Limits, decode
from retriever.packs.entry import Quarantined
from retriever.progress import Advance, nothing
from retriever.store.index import sticker_key
from retriever.store.vectors import VectorRecord, content_key
from retriever.types import Sticker

if TYPE_CHECKING:
    from PIL.Image import Image

logger = logging.getLogger(__name__)

DOCUMENTS_AT_ONCE = 256
IMAGES_AT_ONCE = 32
SAVE_ROWS = 4096
SAVE_SECONDS = 20.0
"""Vectors are put on the disk after this many rows or seconds: what a kill can cost."""
UNIT_TOLERANCE = 1e-3
MAX_SIDE = 1024
"""Frames larger than this are shrunk before they wait in memory for the encoder, which sees 224 to 512."""


def missing(
    stickers: Iterable[Sticker], record: VectorRecord, fields: Sequence[str]
) -> list[tuple[str, Sticker]]:
    """The (key, sticker) pairs that have no vector yet, each key once."""
    found: dict[str, Sticker] = {}
    for sticker in stickers:
        key = sticker_key(sticker, record.spec, fields)
        if key not in record:
            found.setdefault(key, sticker)
    return list(found.items())


def missing_texts(texts: Iterable[str], record: VectorRecord) -> list[tuple[str, str]]:
    """The (key, text) pairs that have no vector yet, each key once."""
    found = {content_key(text): text for text in texts}
    return [(key, text) for key, text in found.items() if key not in record]


def fill(
    todo: Sequence[tuple[str, Sticker | str]],
    encoder: Encoder,
    record: VectorRecord,
    fields: Sequence[str],
    limits: Limits,
    workers: int = 2,
    advance: Advance = nothing,
) -> list[Quarantined]:
    """Encode what is missing and file it in `record`; gives the stickers whose image failed on the way.

    Args:
        todo: what `missing` or, for an encoder of documents, `missing_texts` found.

    Raises:
        ModelError: the encoder gives vectors of the wrong shape or not of length 1.
    """
    failed: list[Quarantined] = []
    batches = (
        _documents(todo, encoder, fields)
        if encoder.spec.sticker_side == "document"
        else _images(_stickers(todo), encoder, limits, workers, failed)
    )
    keys: list[str] = []
    parts: list[Vectors] = []
    saved = time.monotonic()
    try:
        for batch_keys, vectors in batches:
            _check(vectors, len(batch_keys), encoder)
            keys += batch_keys
            parts.append(vectors)
            advance(len(batch_keys))
            if len(keys) >= SAVE_ROWS or time.monotonic() - saved > SAVE_SECONDS:
                record.append(keys, np.concatenate(parts))
                keys, parts, saved = [], [], time.monotonic()
    finally:  # an interrupted run keeps what it has
        if keys:
            record.append(keys, np.concatenate(parts))
    return failed


def _check(vectors: Vectors, n: int, encoder: Encoder) -> None:
    if vectors.shape != (n, encoder.spec.dimension):
        raise ModelError(
            f"{encoder.spec.name} gave vectors of shape {vectors.shape} for {n} stickers, "
            f"expected ({n}, {encoder.spec.dimension})"
        )
    lengths = np.linalg.norm(vectors, axis=1)
    if not (np.abs(lengths - 1) < UNIT_TOLERANCE).all():  # also where a length is NaN
        raise ModelError(
            f"{encoder.spec.name} gave a vector of length {lengths[np.argmax(np.abs(lengths - 1))]}, "
            "expected normalised ones, of length 1"
        )


def _stickers(todo: Iterable[tuple[str, Sticker | str]]) -> list[tuple[str, Sticker]]:
    return [(key, item) for key, item in todo if isinstance(item, Sticker)]


def _documents(
    todo: Sequence[tuple[str, Sticker | str]], encoder: Encoder, fields: Sequence[str]
) -> Iterator[tuple[list[str], Vectors]]:
    for start in range(0, len(todo), DOCUMENTS_AT_ONCE):
        batch = todo[start : start + DOCUMENTS_AT_ONCE]
        texts = [
            item if isinstance(item, str) else document(item, fields, encoder.spec.languages)
            for _, item in batch
        ]
        yield [key for key, _ in batch], encoder.encode_documents(texts)


def _images(
    todo: Sequence[tuple[str, Sticker]],
    encoder: Encoder,
    limits: Limits,
    workers: int,
    failed: list[Quarantined],
) -> Iterator[tuple[list[str], Vectors]]:
    def load(item: tuple[str, Sticker]) -> "tuple[str, list[Image] | Quarantined]":
        key, sticker = item
        try:
            return key, _frames(sticker, limits)
        except BadImage as error:
            return key, Quarantined(sticker.id, sticker.path, error.reason, error.detail)
        except OSError as error:
            return key, Quarantined(
                sticker.id, sticker.path, "unreadable", f"{type(error).__name__}: {error}"
            )

    loaded = ordered_map(load, todo, workers, window=2 * IMAGES_AT_ONCE)
    while batch := list(islice(loaded, IMAGES_AT_ONCE)):
        good: list[tuple[str, list[Image]]] = []
        for key, frames in batch:
            if isinstance(frames, Quarantined):
                failed.append(frames)
            else:
                good.append((key, frames))
        if good:
            yield [key for key, _ in good], encoder.encode_images([frames for _, frames in good])


def _frames(sticker: Sticker, limits: Limits) -> "list[Image]":
    data = Path(sticker.path).read_bytes()
    if hashlib.sha256(data).hexdigest() != sticker.sha256:  # its vector would be filed under the old image
        raise BadImage("unreadable", "it changed after it was read; index the pack again")
    frames = list(decode(data, limits).frames)
    for frame in frames:
        frame.thumbnail((MAX_SIDE, MAX_SIDE))
    return frames
