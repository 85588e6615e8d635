"""Building the derived index: into a new folder, verified, swapped in by rename.

An index folder is complete or absent. `CURRENT` names the one readers use; the one before it is kept, so
that a reader that opened it a moment ago can finish.
"""

import hashlib
import json
import logging
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from retriever.documents import document
from retriever.encoders.base import EncoderSpec
from retriever.errors import LibraryDamaged, LibraryError, LibraryNotFound, StickerError
from retriever.scorers.lexical import LexicalScorer
from retriever.store import chroma
from retriever.store.atomic import new_folder, remove_folder, write_bytes
from retriever.store.collections import (
    build_collections,
    delete_collections,
    place,
    sticker_vectors,
    table_vectors,
)
from retriever.store.manifest import Manifest
from retriever.store.paths import LibraryPaths
from retriever.store.rows import StickerRows, write_rows
from retriever.store.tables import Table
from retriever.store.vectors import VectorRecord, content_key, matrix_name, write_matrix
from retriever.types import Sticker

logger = logging.getLogger(__name__)

INDEX_SCHEMA = 1


_INFO_KEYS = ("schema", "count", "content", "collections", "tables", "manifest", "files")


def sticker_key(sticker: Sticker, spec: EncoderSpec, fields: Sequence[str]) -> str:
    """The key of a sticker's vector: of its image, or of its document, as `spec` sees stickers."""
    if spec.sticker_side == "image":
        return sticker.sha256[:32]
    return content_key(document(sticker, fields, spec.languages))


def content_hash(stickers: Sequence[Sticker], manifest: Manifest, tables: Sequence[Table] = ()) -> str:
    """Changes when the index would: with any sticker, table, encoder, document field or Chroma address."""
    digest = hashlib.sha256(f"index schema {INDEX_SCHEMA}\n".encode())
    settings = {**manifest.to_json(), "encoders": [spec.fingerprint for spec in manifest.encoders]}
    del settings["library_id"]  # a name, not content
    digest.update(json.dumps(settings, sort_keys=True).encode())
    for sticker in stickers:
        digest.update(repr(sticker).encode())
    for table in filter(len, tables):
        digest.update(repr((table.name, table.ids, table.documents, table.metadatas)).encode())
    return digest.hexdigest()


def lexical_fields(manifest: Manifest) -> tuple[str, ...]:
    """What BM25 reads: the document, and the emoji itself, which nobody writes who means something else."""
    return tuple(dict.fromkeys((*manifest.document_fields, "emoji")))


def current_name(paths: LibraryPaths) -> str:
    """The name of the index in use.

    Raises:
        LibraryNotFound: no index was ever finished here.
        LibraryDamaged: `CURRENT` does not name an index.
    """
    try:
        name = paths.current.read_bytes().decode("ascii", "replace").strip()
    except FileNotFoundError:
        raise LibraryNotFound(
            f"nothing is indexed in {paths.root}; run `sticker index PACK --library {paths.root}` first"
        ) from None
    if not name.isdecimal():
        raise LibraryDamaged(f"{paths.current} holds {name[:40]!r}; run `sticker doctor --repair`")
    return name


def read_info(folder: Path) -> dict[str, Any]:
    """The `index.json` of an index folder.

    Raises:
        LibraryDamaged: absent, not JSON, or something is missing in it.
    """
    try:
        value: dict[str, Any] = json.loads((folder / "index.json").read_text(encoding="utf-8"))
        lacking = [key for key in _INFO_KEYS if key not in value]
        if lacking:
            raise ValueError(f"index.json lacks {', '.join(lacking)}")
        return value
    except (OSError, ValueError, TypeError) as error:
        raise LibraryDamaged(
            f"{folder} is not a complete index ({error}); run `sticker doctor --repair`"
        ) from error


def build(
    paths: LibraryPaths,
    manifest: Manifest,
    stickers: Sequence[Sticker],
    records: Mapping[str, VectorRecord],
    tables: Sequence[Table] = (),
    show_progress: bool | None = None,
) -> str:
    """Build, verify and swap in an index of `stickers`; gives its name. Needs the writer's lock.

    Args:
        records: vectors of record by encoder fingerprint, of every sticker and of the tables' documents.
        tables: what Chroma gets beside the stickers.

    Raises:
        LibraryDamaged: the new index fails its check; the old one stays in use.
        LibraryError: Chroma cannot be reached or written; likewise.
    """
    name = _next_name(paths)
    with new_folder(paths.indexes / name) as folder:
        logger.info("stage: rows")
        write_rows(folder, stickers)
        logger.info("stage: matrix")
        for spec in manifest.encoders:
            keys = [sticker_key(sticker, spec, manifest.document_fields) for sticker in stickers]
            write_matrix(folder / matrix_name(spec.fingerprint), keys, records[spec.fingerprint])
        logger.info("stage: lexical")
        LexicalScorer.build(stickers, lexical_fields(manifest)).save(folder / "lexical")
        logger.info("stage: chroma")
        collections, described = build_collections(
            folder, name, manifest, stickers, tables, records, show_progress
        )
        info = {
            "schema": INDEX_SCHEMA,
            "count": len(stickers),
            "content": content_hash(stickers, manifest, tables),
            "made": datetime.now(UTC).isoformat(timespec="seconds"),
            "collections": collections,
            "tables": described,
            "manifest": manifest.to_json(),
            "files": {str(path.relative_to(folder)): file_hash(path) for path in _plain_files(folder)},
        }
        write_bytes(folder / "index.json", json.dumps(info, ensure_ascii=False, indent=2).encode())
        logger.info("stage: verify")
        verify(folder)
        logger.info("stage: swap")
    previous = _current_or_none(paths)
    write_bytes(paths.current, name.encode() + b"\n")
    logger.info("stage: tidy")
    _retire(paths, keep={name, previous})
    return name


def verify(folder: Path, deep: bool = False) -> None:
    """Check an index folder: counts, BM25, Chroma with known queries, and if `deep` the hash of every file.

    Raises:
        LibraryDamaged: what fails, and what to run.
    """
    info = read_info(folder)
    rows = StickerRows(folder)
    if len(rows) != info["count"]:
        raise LibraryDamaged(f"{folder} has {len(rows)} rows, expected {info['count']}")
    manifest = Manifest.from_json(info["manifest"], str(folder / "index.json"))
    for file, expected in info["files"].items():
        if not (folder / file).is_file():
            raise LibraryDamaged(f"{folder / file} is missing; run `sticker index --rebuild`")
        if deep and file_hash(folder / file) != expected:
            raise LibraryDamaged(f"{folder / file} fails its SHA-256; run `sticker index --rebuild`")
    LexicalScorer.load(folder / "lexical", rows.ids)
    client = chroma.connect_existing(place(folder, manifest))
    try:
        for fingerprint, collection in info["collections"].items():
            chroma.verify_collection(client, collection, sticker_vectors(folder, fingerprint, len(rows)))
        for entry in info["tables"].values():
            chroma.verify_collection(client, entry["name"], table_vectors(folder, entry))
    finally:
        chroma.close(client)


def file_hash(path: Path) -> str:
    """SHA-256 of a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def index_folders(paths: LibraryPaths) -> list[Path]:
    """The finished indexes, oldest first; other folders that lie there are not ours."""
    found = [path for path in paths.indexes.glob("*/index.json") if path.parent.name.isdecimal()]
    return sorted((path.parent for path in found), key=lambda folder: int(folder.name))


def _plain_files(folder: Path) -> list[Path]:
    """The files of an index but Chroma's, whose bytes change when they are read."""
    return sorted(
        path for path in folder.rglob("*") if path.is_file() and folder / "chroma" not in path.parents
    )


def _current_or_none(paths: LibraryPaths) -> str | None:
    try:
        return current_name(paths)
    except LibraryError:
        return None


def _next_name(paths: LibraryPaths) -> str:
    """A number above all there are, so that a name never comes to mean another content."""
    numbers = [int(path.name) for path in paths.indexes.glob("*") if path.name.isdecimal()]
    return f"{max([int(_current_or_none(paths) or 0), *numbers]) + 1:06d}"


def _retire(paths: LibraryPaths, keep: Collection[str | None]) -> None:
    """Remove all indexes but those to `keep`; one whose server does not answer waits for the next run."""
    for folder in index_folders(paths):
        if folder.name in keep:
            continue
        try:
            info = read_info(folder)
            url = info["manifest"]["chroma_url"]
            if url:
                with chroma.open_client(url) as client:
                    delete_collections(client, next(iter(info["collections"].values())))
        except LibraryDamaged as error:
            logger.warning("removing %s: %s", folder, error)
        except StickerError as error:
            logger.warning("%s is kept until its Chroma server answers: %s", folder, error)
            continue
        remove_folder(folder)
