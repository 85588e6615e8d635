"""From the records to an index in use: encode what has no vector, build, verify, swap, tidy."""

import logging
import os
import time
from collections.abc import Sequence

from retriever.encoders.base import Encoder, EncoderSpec
from retriever.errors import InputError, LibraryError, StickerError
from retriever.indexing.encode import fill, missing, missing_texts
from retriever.indexing.looks import duplicates
from retriever.indexing.report import IndexReport
from retriever.indexing.scan import ScanResult, record_quarantine
from retriever.indexing.settle import settle
from retriever.indexing.state import State, drop_row, library_stickers
from retriever.packs import DEFAULT_LIMITS, Limits
from retriever.packs.entry import Quarantined
from retriever.progress import bar
from retriever.store import index, journal
from retriever.store.collections import text_encoder
from retriever.store.described import collect, is_described
from retriever.store.journal import JournalWriter
from retriever.store.manifest import Manifest
from retriever.store.paths import LibraryPaths
from retriever.store.tables import Table, attribute_table, inference_table, is_inferred
from retriever.store.vectors import VectorRecord, content_key
from retriever.types import Sticker

logger = logging.getLogger(__name__)

WORKERS = max(2, min(8, os.cpu_count() or 2))


def refresh(
    paths: LibraryPaths,
    manifest: Manifest,
    state: State,
    found: ScanResult | None = None,
    *,
    encoders: list[Encoder] | None = None,
    limits: Limits = DEFAULT_LIMITS,
    show_progress: bool | None = None,
    force: bool = False,
) -> IndexReport:
    """Encode what has no vector and, if anything changed or `force`, build an index. Needs the writer's lock.

    Args:
        state: what is in the library.
        found: what a scan did just now, for the report.
        encoders: the manifest's, loaded; None loads them only when something lacks its vector.

    Raises:
        InputError, LibraryError: no sticker is left.
        LibraryDamaged: the new index fails its check; the old one stays in use.
    """
    found = found or ScanResult()
    started = time.monotonic()
    records = {
        spec.fingerprint: VectorRecord(paths.vectors / spec.fingerprint, spec) for spec in manifest.encoders
    }
    described = collect(journal.read(paths.attributes, is_described))
    stickers = library_stickers(state, described)
    logger.info("stage: encode")
    tables = _tables(paths, manifest, stickers)
    encoded = 0
    failed: list[Quarantined] = []
    for spec in manifest.encoders:
        record = records[spec.fingerprint]
        lost = {item.id for item in failed}
        todo: list[tuple[str, Sticker | str]] = []
        todo += missing((s for s in stickers if s.id not in lost), record, manifest.document_fields)
        if spec == text_encoder(manifest):
            known = {key for key, _ in todo}
            texts = missing_texts((text for table in tables for text in table.documents), record)
            todo += [item for item in texts if item[0] not in known]
        if todo:
            encoder = _encoder(spec, encoders)
            with bar(f"Encoding with {spec.name}", len(todo), show_progress) as advance:
                failed += fill(todo, encoder, record, manifest.document_fields, limits, WORKERS, advance)
            encoded += len(todo)
    if failed:
        encoded -= len(failed)
        _drop(paths, state, failed)
        stickers = library_stickers(state, described)
        tables = _tables(paths, manifest, stickers)
    if not stickers:
        raise _nothing_left(paths, [*found.quarantined, *failed])
    encode_seconds = time.monotonic() - started
    started = time.monotonic()
    name = None if force else _current_if_same(paths, stickers, manifest, tables)
    up_to_date = name is not None
    if name is None:
        name = index.build(paths, manifest, stickers, records, tables, show_progress)
    _tidy(paths, manifest, state, records, stickers, tables)
    exact, near = duplicates(state)
    return IndexReport(
        library=str(paths.root),
        source="",
        index=name,
        encoders=tuple(spec.name for spec in manifest.encoders),
        total=len(stickers),
        added=found.added,
        changed=found.changed,
        unchanged=found.unchanged,
        removed=found.removed,
        encoded=encoded,
        quarantined=(*found.quarantined, *failed),
        exact_duplicates=exact,
        near_duplicates=near,
        notices=tuple(found.notices),
        up_to_date=up_to_date,
        seconds={"encode": encode_seconds, "index": time.monotonic() - started},
    )


def _encoder(spec: EncoderSpec, loaded: list[Encoder] | None) -> Encoder:
    if loaded is None:
        _, loaded = settle(Manifest(encoders=(spec,)))
    return next(encoder for encoder in loaded if encoder.spec.fingerprint == spec.fingerprint)


def _drop(paths: LibraryPaths, state: State, failed: Sequence[Quarantined]) -> None:
    """Take stickers out whose image vanished or broke between reading and encoding, with all their twins."""
    for item in failed:
        record_quarantine(paths.quarantine, state.entries[item.id].source, [item], replace=False)
    bad = {state.entries[item.id].sha256 for item in failed}
    with JournalWriter(paths.stickers) as writer:
        for sticker_id, entry in list(state.entries.items()):
            if entry.sha256 in bad:
                row = drop_row(entry.source, sticker_id)
                writer.append(row)
                state.apply(row)


def _nothing_left(paths: LibraryPaths, quarantined: Sequence[Quarantined]) -> StickerError:
    if quarantined:
        first = quarantined[0]
        return InputError(
            f"none of the {len(quarantined)} stickers can be used; the first: {first.origin}: "
            f"{first.reason} ({first.detail})"
        )
    return LibraryError(f"{paths.root} has no stickers; run `sticker index PACK --library {paths.root}`")


def _current_if_same(
    paths: LibraryPaths, stickers: Sequence[Sticker], manifest: Manifest, tables: Sequence[Table]
) -> str | None:
    """The name of the index in use if it is whole and already has exactly this content."""
    try:
        name = index.current_name(paths)
        info = index.read_info(paths.indexes / name)
        if info["content"] != index.content_hash(stickers, manifest, tables):
            return None
        index.verify(paths.indexes / name)
    except (StickerError, OSError, KeyError) as error:
        logger.info("the index is made anew: %s", error)
        return None
    return name


def _tidy(
    paths: LibraryPaths,
    manifest: Manifest,
    state: State,
    records: dict[str, VectorRecord],
    stickers: Sequence[Sticker],
    tables: Sequence[Table],
) -> None:
    """Keep the files of record from growing with every change."""
    if state.dead_lines > max(1000, len(state.entries)):
        journal.rewrite(paths.stickers, state.rows())
    texts = {content_key(text) for table in tables for text in table.documents}
    for spec in manifest.encoders:
        keys = {index.sticker_key(sticker, spec, manifest.document_fields) for sticker in stickers}
        records[spec.fingerprint].compact(keys | texts)


def _tables(paths: LibraryPaths, manifest: Manifest, stickers: Sequence[Sticker]) -> list[Table]:
    """What Chroma gets beside the stickers."""
    tables = [inference_table(journal.read(paths.inferences, is_inferred))]
    if manifest.attribute_rows:
        tables.append(attribute_table(stickers))
    return tables
