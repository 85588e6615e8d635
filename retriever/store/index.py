"""Building the derived index: into a new folder, verified, swapped in by rename.

An index folder is complete or absent. `CURRENT` names the one readers use; the one before it is kept, so
that a reader that opened it a moment ago can finish.
"""

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import open_memmap

from retriever.documents import document
from retriever.encoders.base import EncoderSpec, Vectors
from retriever.errors import LibraryDamaged, LibraryNotFound
from retriever.progress import bar
from retriever.scorers.lexical import LexicalScorer
from retriever.store import chroma
from retriever.store.atomic import new_folder, write_bytes
from retriever.store.manifest import Manifest
from retriever.store.paths import LibraryPaths
from retriever.store.rows import StickerRows, write_rows
from retriever.store.vectors import VectorRecord, content_key
from retriever.types import Sticker

INDEX_SCHEMA = 1


def sticker_key(sticker: Sticker, spec: EncoderSpec, fields: Sequence[str]) -> str:
    """The key of a sticker's vector: of its image, or of its document, as `spec` sees stickers."""
    if spec.sticker_side == "image":
        return sticker.sha256[:32]
    return content_key(document(sticker, fields, spec.languages))


def content_hash(stickers: Sequence[Sticker], manifest: Manifest) -> str:
    """Changes when the index would: with any sticker, encoder, document field or Chroma address."""
    digest = hashlib.sha256(f"index schema {INDEX_SCHEMA}\n".encode())
    settings = {**manifest.to_json(), "encoders": [spec.fingerprint for spec in manifest.encoders]}
    digest.update(json.dumps(settings, sort_keys=True).encode())
    for sticker in stickers:
        digest.update(repr(sticker).encode())
    return digest.hexdigest()


def current_name(paths: LibraryPaths) -> str:
    """The name of the index in use.

    Raises:
        LibraryNotFound: no index was ever finished here.
    """
    try:
        return paths.current.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        raise LibraryNotFound(
            f"nothing is indexed in {paths.root}; run `sticker index PACK --library {paths.root}` first"
        ) from None


def read_info(folder: Path) -> dict[str, Any]:
    """The `index.json` of an index folder.

    Raises:
        LibraryDamaged: absent or not JSON.
    """
    try:
        value: dict[str, Any] = json.loads((folder / "index.json").read_text(encoding="utf-8"))
        return value
    except (OSError, ValueError) as error:
        raise LibraryDamaged(
            f"{folder} is not a complete index ({error}); run `sticker doctor --repair`"
        ) from error


def build(
    paths: LibraryPaths,
    manifest: Manifest,
    stickers: Sequence[Sticker],
    records: Mapping[str, VectorRecord],
    show_progress: bool | None = None,
) -> str:
    """Build, verify and swap in an index of `stickers`; gives its name. Needs the writer's lock.

    Args:
        records: vectors of record by encoder fingerprint; every sticker's vector has to be there.

    Raises:
        LibraryDamaged: the new index fails its check; the old one stays in use.
    """
    name = _next_name(paths)
    with new_folder(paths.indexes / name) as folder:
        write_rows(folder, stickers)
        documents = [document(sticker, manifest.document_fields) for sticker in stickers]
        for spec in manifest.encoders:
            keys = [sticker_key(sticker, spec, manifest.document_fields) for sticker in stickers]
            _write_matrix(folder / matrix_name(spec), keys, records[spec.fingerprint])
        LexicalScorer.build(stickers, manifest.document_fields).save(folder / "lexical")
        collections = _build_chroma(folder, name, manifest, stickers, documents, show_progress)
        info = {
            "schema": INDEX_SCHEMA,
            "count": len(stickers),
            "content": content_hash(stickers, manifest),
            "made": datetime.now(UTC).isoformat(timespec="seconds"),
            "collections": collections,
            "manifest": manifest.to_json(),
            "matrices": {
                matrix_name(spec): file_hash(folder / matrix_name(spec)) for spec in manifest.encoders
            },
        }
        write_bytes(folder / "index.json", json.dumps(info, ensure_ascii=False, indent=2).encode())
        verify(folder)
    write_bytes(paths.current, name.encode() + b"\n")
    _retire(paths, manifest, keep=name)
    return name


def verify(folder: Path, deep: bool = False) -> None:
    """Check an index folder: counts, matrices (their hash too if `deep`), BM25, Chroma with known queries.

    Raises:
        LibraryDamaged: what fails, and what to run.
    """
    info = read_info(folder)
    rows = StickerRows(folder)
    if len(rows) != info["count"]:
        raise LibraryDamaged(f"{folder} has {len(rows)} rows, expected {info['count']}")
    manifest = Manifest.from_json(info["manifest"], str(folder / "index.json"))
    for file, expected in info["matrices"].items():
        if deep and file_hash(folder / file) != expected:
            raise LibraryDamaged(f"{folder / file} fails its SHA-256; run `sticker index --rebuild`")
    LexicalScorer.load(folder / "lexical", rows.ids)
    with chroma.open_client(chroma_place(folder, manifest)) as client:
        for fingerprint, collection in info["collections"].items():
            chroma.verify_collection(client, collection, _vectors(folder, fingerprint, len(rows)))


def matrix_name(spec: EncoderSpec) -> str:
    """The file of an encoder's vectors in an index folder."""
    return f"vectors-{spec.fingerprint}.npy"


def chroma_place(folder: Path, manifest: Manifest) -> Path | str:
    """Where the index's Chroma collections are: a folder, or a server's URL."""
    return manifest.chroma_url or folder / "chroma"


def file_hash(path: Path) -> str:
    """SHA-256 of a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _next_name(paths: LibraryPaths) -> str:
    numbers = [int(path.name) for path in paths.indexes.glob("[0-9]*") if path.name.isdigit()]
    return f"{max(numbers, default=0) + 1:06d}"


def _write_matrix(path: Path, keys: Sequence[str], record: VectorRecord) -> None:
    if not keys:
        np.save(path, np.empty((0, record.spec.dimension), dtype=np.float32))
        return
    matrix = open_memmap(path, mode="w+", dtype=np.float32, shape=(len(keys), record.spec.dimension))
    record.gather(keys, matrix)
    matrix.flush()


def _vectors(folder: Path, fingerprint: str, count: int) -> Vectors:
    if fingerprint == "none":
        return np.ones((count, 1), dtype=np.float32)
    vectors: Vectors = np.load(folder / f"vectors-{fingerprint}.npy", mmap_mode="r")
    if len(vectors) != count:
        raise LibraryDamaged(f"{folder} has {len(vectors)} vectors of {fingerprint}, expected {count}")
    return vectors


def _build_chroma(
    folder: Path,
    name: str,
    manifest: Manifest,
    stickers: Sequence[Sticker],
    documents: Sequence[str],
    show_progress: bool | None,
) -> dict[str, str]:
    """Gives collection names by encoder fingerprint; without encoders there is one, under ``none``."""
    fingerprints = [spec.fingerprint for spec in manifest.encoders] or ["none"]
    prefix = f"stickers-{manifest.library_id}-{name}" if manifest.chroma_url else "stickers"
    collections = {
        fingerprint: prefix if number == 0 else f"{prefix}-{fingerprint}"
        for number, fingerprint in enumerate(fingerprints)
    }
    with chroma.open_client(chroma_place(folder, manifest)) as client:
        for fingerprint, collection in collections.items():
            if manifest.chroma_url:  # left by a killed run
                _delete_collection(client, collection)
            vectors = _vectors(folder, fingerprint, len(stickers))
            with bar("Writing Chroma", len(stickers), show_progress) as advance:
                chroma.build_collection(client, collection, stickers, documents, vectors, advance)
    return collections


def _delete_collection(client: Any, name: str) -> None:
    if name in {collection.name for collection in client.list_collections()}:
        client.delete_collection(name)


def _retire(paths: LibraryPaths, manifest: Manifest, keep: str) -> None:
    """Remove all indexes but `keep` and the one before it."""
    folders = sorted(path for path in paths.indexes.glob("[0-9]*") if path.name < keep)
    for folder in folders[:-1]:
        info = read_info(folder) if (folder / "index.json").exists() else {"collections": {}}
        if manifest.chroma_url:
            with chroma.open_client(manifest.chroma_url) as client:
                for collection in info["collections"].values():
                    _delete_collection(client, collection)
        shutil.rmtree(folder, ignore_errors=True)
