"""Indexing as one job of three stages, each of which can be killed at any moment and picked up again.

read    the pack into the stickers journal (`scan`)
encode  what has no vector yet (`encode`)
index   a new index beside the old one, verified, swapped in (`retriever.store.index`)
"""

import logging
import os
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from retriever.encoders.base import Encoder, EncoderSpec
from retriever.errors import InputError, LibraryError, LibraryNotFound, StickerError
from retriever.indexing.encode import fill, missing
from retriever.indexing.looks import duplicates
from retriever.indexing.ocr import read_captions
from retriever.indexing.report import IndexReport
from retriever.indexing.scan import ScanResult, record_quarantine, scan
from retriever.indexing.settle import settle
from retriever.indexing.state import State, drop_row, library_stickers
from retriever.packs import DEFAULT_LIMITS, Limits, open_pack
from retriever.packs.entry import Quarantined
from retriever.progress import bar
from retriever.store import index, journal
from retriever.store.described import collect, is_described
from retriever.store.journal import JournalWriter
from retriever.store.lock import writer_lock
from retriever.store.manifest import Manifest, read_manifest, write_manifest
from retriever.store.paths import LibraryPaths
from retriever.store.vectors import VectorRecord
from retriever.types import Sticker

logger = logging.getLogger(__name__)

WORKERS = max(2, min(8, os.cpu_count() or 2))


def index_pack(
    library: str | Path,
    pack: str | Path,
    *,
    encoders: Sequence[str] | None = None,
    document_fields: Sequence[str] | None = None,
    chroma_url: str | None = None,
    reencode: bool = False,
    ocr: bool = False,
    device: str = "auto",
    limits: Limits = DEFAULT_LIMITS,
    show_progress: bool | None = None,
) -> IndexReport:
    """Bring the library up to date with a pack: new and changed stickers come in, deleted ones leave.

    Stickers of other packs in the library stay. Only what is new or changed is decoded and encoded; when
    nothing is, the index stays as it is.

    Args:
        library: the library folder; made when absent.
        pack: a folder, a ``stickers.jsonl``, a zip or one image.
        encoders: encoder names (`retriever.encoders.load_encoder`); empty means lexical only; None keeps the
            library's own, and for a new library means lexical only.
        document_fields: what a sticker's document is made of; None keeps the library's.
        chroma_url: a Chroma server for the index, ``embedded``, or None to keep the library's.
        reencode: allow other encoders or fields than the library has, and compute the vectors they need.
        ocr: read the words in stickers without a `verbal` attribute (extra ``ocr``).
        device: for encoders that can choose: ``auto``, ``cpu``, ``cuda``.
        show_progress: None shows bars when stderr is a terminal.

    Raises:
        PackError: the pack cannot be read, or holds nothing usable.
        LibraryLocked: another process is writing.
        ManifestMismatch: encoders or fields differ from the library's, without `reencode`.
        LibraryDamaged: a file of record fails its check; `sticker doctor --repair`.
    """
    paths = LibraryPaths(Path(library).resolve())
    with open_pack(pack, limits) as opened, writer_lock(paths):
        paths.remove_unfinished()
        manifest, loaded = settle(
            read_manifest(paths), encoders, document_fields, chroma_url, reencode, device
        )
        write_manifest(paths, manifest)
        state = State(paths)
        started = time.monotonic()
        logger.info("stage: read")
        with bar("Reading", opened.count_hint, show_progress) as advance:
            found = scan(opened, opened.source, paths, state, limits, WORKERS, advance)
        if ocr:
            read_captions(paths, state, limits, show_progress)
        read_seconds = time.monotonic() - started
        report = _finish(paths, manifest, loaded, state, found, limits, show_progress)
    return replace(
        report,
        source=opened.source,
        ignored=dict(opened.ignored),
        seconds={"read": read_seconds, **report.seconds},
    )


def rebuild_index(library: str | Path, *, show_progress: bool | None = None) -> IndexReport:
    """Make the index anew from the files of record: no annotation is lost, no vector computed twice.

    An encoder is only loaded if a killed run left stickers without a vector.

    Raises:
        LibraryNotFound: there is no library.
        LibraryLocked, LibraryDamaged: as for `index_pack`.
    """
    paths = LibraryPaths(Path(library).resolve())
    if not paths.manifest.exists():
        raise LibraryNotFound(
            f"there is no library at {paths.root}; run `sticker index PACK --library {paths.root}` first"
        )
    with writer_lock(paths):
        paths.remove_unfinished()
        manifest = read_manifest(paths) or Manifest()
        report = _finish(
            paths, manifest, None, State(paths), ScanResult(), DEFAULT_LIMITS, show_progress, force=True
        )
    return report


def _finish(
    paths: LibraryPaths,
    manifest: Manifest,
    encoders: list[Encoder] | None,
    state: State,
    found: ScanResult,
    limits: Limits,
    show_progress: bool | None,
    force: bool = False,
) -> IndexReport:
    """The stages after reading; `encoders` None loads them only when something lacks its vector."""
    started = time.monotonic()
    records = {
        spec.fingerprint: VectorRecord(paths.vectors / spec.fingerprint, spec) for spec in manifest.encoders
    }
    described = collect(journal.read(paths.attributes, is_described))
    stickers = library_stickers(state, described)
    logger.info("stage: encode")
    encoded = 0
    failed: list[Quarantined] = []
    for spec in manifest.encoders:
        record = records[spec.fingerprint]
        lost = {item.id for item in failed}
        todo = missing((s for s in stickers if s.id not in lost), record, manifest.document_fields)
        if todo:
            encoder = _encoder(spec, encoders)
            with bar(f"Encoding with {spec.name}", len(todo), show_progress) as advance:
                failed += fill(todo, encoder, record, manifest.document_fields, limits, WORKERS, advance)
            encoded += len(todo)
    if failed:
        encoded -= len(failed)
        _drop(paths, state, failed)
        stickers = library_stickers(state, described)
    if not stickers:
        raise _nothing_left(paths, [*found.quarantined, *failed])
    encode_seconds = time.monotonic() - started
    started = time.monotonic()
    name = None if force else _current_if_same(paths, stickers, manifest)
    up_to_date = name is not None
    if name is None:
        name = index.build(paths, manifest, stickers, records, show_progress)
    _tidy(paths, manifest, state, records, stickers)
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


def _current_if_same(paths: LibraryPaths, stickers: Sequence[Sticker], manifest: Manifest) -> str | None:
    """The name of the index in use if it is whole and already has exactly this content."""
    try:
        name = index.current_name(paths)
        info = index.read_info(paths.indexes / name)
        if info["content"] != index.content_hash(stickers, manifest):
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
) -> None:
    """Keep the files of record from growing with every change."""
    if state.dead_lines > max(1000, len(state.entries)):
        journal.rewrite(paths.stickers, state.rows())
    for spec in manifest.encoders:
        records[spec.fingerprint].compact(
            index.sticker_key(sticker, spec, manifest.document_fields) for sticker in stickers
        )
