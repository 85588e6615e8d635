"""Indexing as one job of three stages, each of which can be killed at any moment and picked up again.

read    the pack into the stickers journal (`scan`)
encode  what has no vector yet (`encode`)
index   a new index beside the old one, verified, swapped in (`retriever.store.index`)
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from retriever.errors import LibraryNotFound
from retriever.indexing.ocr import read_captions
from retriever.indexing.refresh import WORKERS, refresh
from retriever.indexing.report import IndexReport
from retriever.indexing.scan import scan
from retriever.indexing.settle import settle
from retriever.indexing.state import State
from retriever.packs import DEFAULT_LIMITS, Limits, open_pack
from retriever.progress import bar
from retriever.store.lock import writer_lock
from retriever.store.manifest import Manifest, read_manifest, write_manifest
from retriever.store.paths import LibraryPaths

logger = logging.getLogger(__name__)


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
        report = refresh(
            paths, manifest, state, found, encoders=loaded, limits=limits, show_progress=show_progress
        )
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
        report = refresh(paths, manifest, State(paths), show_progress=show_progress, force=True)
    return report
