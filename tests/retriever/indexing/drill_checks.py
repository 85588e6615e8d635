"""What has to be true of a library: after every kill, and after a run that completes."""

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from tiny_library import TinyPack, colours, hashed, unit

from retriever.documents import document
from retriever.indexing.scan import is_quarantine_row
from retriever.packs import decode
from retriever.store import index, journal
from retriever.store.chroma import nearest
from retriever.store.described import is_described
from retriever.store.library import Library
from retriever.store.paths import LibraryPaths
from retriever.store.tables import sticker_metadata as metadata
from retriever.types import Attributes, Sticker

Described = Mapping[str, Mapping[str, str]]


def check(holds: bool, text: str) -> None:
    if not holds:
        raise AssertionError(text)


def survives(root: Path, was_indexed: bool, described: list[dict[str, Any]]) -> None:
    """Whatever was killed: the index in use is whole, and no annotation that was acknowledged is gone."""
    paths = LibraryPaths(root)
    rows = list(journal.read(paths.attributes, is_described))
    check(rows[: len(described)] == described, f"{len(described)} annotations became {len(rows)}")
    if not paths.current.exists():
        check(not was_indexed, "CURRENT is gone")
        return
    library = Library.open(root)
    index.verify(library.folder, deep=True)
    text = next(spec for spec in library.manifest.encoders if spec.sticker_side == "document")
    matrix = library.vectors(text)
    for number, sticker in enumerate(library.stickers):
        expected = hashed(document(sticker, library.manifest.document_fields), text.dimension)
        check(np.array_equal(matrix[number], expected), f"{sticker.id}: a vector of another text")


def is_complete(root: Path, pack: TinyPack, broken: set[str], described: Described) -> None:
    """After a run that ended by itself: exactly the pack, each thing once, nothing left lying about."""
    paths = LibraryPaths(root)
    library = Library.open(root)
    expected = sorted(set(pack.rows) - broken)
    check(library.stickers.ids == expected, f"{len(library)} ids, expected {len(expected)}")
    stickers = list(library.stickers)
    for sticker in stickers:
        _check_sticker(sticker, pack, described)
    _check_vectors(library, stickers)
    _check_chroma(library, stickers)
    quarantined = Counter(row["id"] for row in journal.read(paths.quarantine, is_quarantine_row))
    check(quarantined == Counter(broken), f"quarantine holds {quarantined}, expected {broken}")
    left = [str(path) for path in (*root.rglob(".tmp-*"), paths.holder) if path.exists()]
    check(not left, f"left behind: {left}")
    for folder in paths.indexes.iterdir():
        check((folder / "index.json").is_file(), f"{folder} is no whole index")
    check(len(list(paths.indexes.iterdir())) <= 3, "old indexes pile up")


def _check_sticker(sticker: Sticker, pack: TinyPack, described: Described) -> None:
    row = pack.rows[sticker.id]
    data = (pack.folder / row["image"]).read_bytes()
    check(sticker.sha256 == hashlib.sha256(data).hexdigest(), f"{sticker.id}: the hash of another image")
    check(dict(sticker.name) == row["name"], f"{sticker.id}: named {sticker.name}, expected {row['name']}")
    own = row.get("attributes", {})
    told = described.get(sticker.sha256, {})
    expected = {key: own.get(key) or told.get(key, "") for key in asdict(Attributes())}
    check(asdict(sticker.attributes) == expected, f"{sticker.id}: {sticker.attributes}, expected {expected}")


def _check_vectors(library: Library, stickers: list[Sticker]) -> None:
    for spec in library.manifest.encoders:
        matrix = library.vectors(spec)
        for number, sticker in enumerate(stickers):
            if spec.sticker_side == "document":
                vector = hashed(document(sticker, library.manifest.document_fields), spec.dimension)
            else:
                frames = decode(Path(sticker.path).read_bytes()).frames
                vector = unit(np.mean([colours(frame) for frame in frames], axis=0))
            check(np.array_equal(matrix[number], vector), f"{sticker.id}: another vector of {spec.name}")


def _check_chroma(library: Library, stickers: list[Sticker]) -> None:
    for spec in library.manifest.encoders:
        collection = library.collection(spec)
        held = collection.get(include=["documents", "metadatas"])
        check(sorted(held["ids"]) == library.stickers.ids, f"{spec.name}: other ids in Chroma")
        by_id = dict(zip(held["ids"], zip(held["documents"], held["metadatas"], strict=True), strict=True))
        for sticker in stickers:
            expected = (document(sticker, library.manifest.document_fields), metadata(sticker))
            check(by_id[sticker.id] == expected, f"{sticker.id}: another row in Chroma")
        matrix = library.vectors(spec)
        for number in range(0, len(stickers), 7):
            ids, distances = nearest(collection, matrix[number], 3)
            best = np.sort(1 - matrix @ matrix[number])[:3]
            check(len(set(ids)) == 3, f"{spec.name}: {ids} for a known query")
            check(np.allclose(distances, best, atol=1e-4), f"{spec.name}: {distances}, expected {best}")
