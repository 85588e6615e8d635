"""Adding to a library what language models wrote: rows go to the journals, and from there to the index."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from retriever.errors import InputError, LibraryNotFound
from retriever.indexing.refresh import refresh
from retriever.indexing.report import IndexReport
from retriever.indexing.state import State
from retriever.store import journal
from retriever.store.described import is_described
from retriever.store.journal import JournalWriter
from retriever.store.lock import writer_lock
from retriever.store.manifest import read_manifest, write_manifest
from retriever.store.paths import LibraryPaths
from retriever.store.tables import is_inferred

Row = Mapping[str, Any]


def annotate(
    library: str | Path,
    *,
    descriptions: Iterable[Row] = (),
    inferences: Iterable[Row] = (),
    attribute_rows: bool = True,
    show_progress: bool | None = None,
) -> IndexReport:
    """Write descriptions and inferences to the library's journals and index them.

    A row that is there already (same subject, engine, model, prompt and options) is not written again; when
    nothing is new, the index stays as it is.

    Args:
        descriptions: rows of the attributes journal (`retriever.store.described`).
        inferences: rows of the inferences journal (`retriever.store.tables`).
        attribute_rows: give every single attribute a row and a vector of its own in Chroma, from now on.

    Raises:
        LibraryNotFound: there is no library.
        LibraryLocked: somebody else is writing.
        InputError: a row that cannot stand in its journal; nothing is written.
    """
    paths = LibraryPaths(Path(library).resolve())
    described, inferred = list(descriptions), list(inferences)
    for row in described:
        if not is_described(row):
            raise InputError(f"this is no description of a sticker: {str(dict(row))[:120]}")
    for row in inferred:
        if not is_inferred(row):
            raise InputError(f"this is no inference about a conversation: {str(dict(row))[:120]}")
    if not paths.manifest.exists():
        raise LibraryNotFound(
            f"there is no library at {paths.root}; run `sticker index PACK --library {paths.root}` first"
        )
    with writer_lock(paths):
        paths.remove_unfinished()
        manifest = read_manifest(paths)
        if manifest is None:
            raise LibraryNotFound(f"{paths.root} lost its manifest; run `sticker doctor --repair`")
        _append(paths.attributes, described, "sha256")
        _append(paths.inferences, inferred, "conversation")
        if described and attribute_rows and not manifest.attribute_rows:
            manifest = replace(manifest, attribute_rows=True)
            write_manifest(paths, manifest)
        return refresh(paths, manifest, State(paths), show_progress=show_progress)


def _append(path: Path, rows: Iterable[Row], subject: str) -> None:
    with JournalWriter(path) as writer:  # cuts off a torn tail before it is read
        there = {_key(row, subject) for row in journal.read(path)}
        for row in rows:
            key = _key(row, subject)
            if key not in there:
                there.add(key)
                writer.append(row)


def _key(row: Row, subject: str) -> str:
    parts = [row.get(name) for name in (subject, "engine", "model", "prompt", "options")]
    return json.dumps(parts, sort_keys=True, ensure_ascii=False)
