"""Which Chroma collections an index has, and how they are filled and removed."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from retriever.documents import document
from retriever.encoders.base import EncoderSpec, Vectors
from retriever.errors import LibraryDamaged
from retriever.progress import bar
from retriever.store import chroma
from retriever.store.manifest import Manifest
from retriever.store.tables import Table, sticker_table
from retriever.store.vectors import VectorRecord, content_key, load_matrix, matrix_name, write_matrix
from retriever.types import Sticker

if TYPE_CHECKING:
    from chromadb.api import ClientAPI

STICKERS = "stickers"
NO_ENCODER = "none"


def place(folder: Path, manifest: Manifest) -> Path | str:
    """Where the Chroma collections of the index in `folder` are: a folder, or a server's URL."""
    return manifest.chroma_url or folder / "chroma"


def text_encoder(manifest: Manifest) -> EncoderSpec | None:
    """The encoder that embeds texts beside stickers: the first that reads documents."""
    return next((spec for spec in manifest.encoders if spec.sticker_side == "document"), None)


def build_collections(
    folder: Path,
    name: str,
    manifest: Manifest,
    stickers: Sequence[Sticker],
    tables: Sequence[Table],
    records: Mapping[str, VectorRecord],
    show_progress: bool | None = None,
) -> tuple[dict[str, str], dict[str, dict[str, Any]]]:
    """Write all collections of a new index.

    Args:
        folder: the index, with its matrices written.
        name: of the index.
        tables: what Chroma gets beside the stickers; empty ones are left out.
        records: vectors by encoder fingerprint, with those of the tables' documents.

    Returns:
        The sticker collections' names by encoder fingerprint (without encoders there is one, under
        `NO_ENCODER`), and by table name its collection's ``name``, ``count`` and ``matrix`` file.
    """
    fingerprints = [spec.fingerprint for spec in manifest.encoders] or [NO_ENCODER]
    prefix = f"{STICKERS}-{manifest.library_id}-{name}" if manifest.chroma_url else STICKERS
    collections = {
        fingerprint: prefix if number == 0 else f"{prefix}-{fingerprint}"
        for number, fingerprint in enumerate(fingerprints)
    }
    rows = sticker_table(stickers, [document(sticker, manifest.document_fields) for sticker in stickers])
    described: dict[str, dict[str, Any]] = {}
    with chroma.open_client(place(folder, manifest)) as client:
        if manifest.chroma_url:
            delete_collections(client, prefix)  # left by a killed run
        for fingerprint, collection in collections.items():
            _write(client, collection, rows, sticker_vectors(folder, fingerprint, len(rows)), show_progress)
        for table in filter(len, tables):
            spec = text_encoder(manifest)
            matrix = None
            if spec is not None:
                matrix = f"{table.name}.npy"
                keys = [content_key(text) for text in table.documents]
                write_matrix(folder / matrix, keys, records[spec.fingerprint])
            entry: dict[str, Any] = {"name": f"{prefix}-{table.name}", "count": len(table), "matrix": matrix}
            _write(client, entry["name"], table, table_vectors(folder, entry), show_progress)
            described[table.name] = entry
    return collections, described


def sticker_vectors(folder: Path, fingerprint: str, count: int) -> Vectors:
    """The matrix of the stickers' vectors, (count, dimension); a constant column without an encoder.

    Raises:
        LibraryDamaged: missing, cut off, or of another length.
    """
    if fingerprint == NO_ENCODER:
        return np.ones((count, 1), dtype=np.float32)
    return _of_length(load_matrix(folder / matrix_name(fingerprint)), count, fingerprint)


def table_vectors(folder: Path, entry: Mapping[str, Any]) -> Vectors:
    """The vectors of a table, as `build_collections` describes it.

    Raises:
        LibraryDamaged: missing, cut off, or of another length.
    """
    if entry["matrix"] is None:
        return np.ones((entry["count"], 1), dtype=np.float32)
    return _of_length(load_matrix(folder / entry["matrix"]), entry["count"], entry["matrix"])


def delete_collections(client: "ClientAPI", prefix: str) -> None:
    """Delete the collections of one index, whose names are `prefix` or go on from it after a dash."""
    for collection in client.list_collections():
        if collection.name == prefix or collection.name.startswith(f"{prefix}-"):
            client.delete_collection(collection.name)


def _write(
    client: "ClientAPI", name: str, table: Table, vectors: Vectors, show_progress: bool | None
) -> None:
    with bar(f"Writing Chroma ({table.name})", len(table), show_progress, unit="rows") as advance:
        chroma.build_collection(client, name, table, vectors, advance)


def _of_length(vectors: Vectors, count: int, what: str) -> Vectors:
    if len(vectors) != count:
        raise LibraryDamaged(
            f"{len(vectors)} vectors of {what}, expected {count}; run `sticker index --rebuild`"
        )
    return vectors
