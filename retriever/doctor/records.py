"""Checks of the files of record: manifest, journals, vectors."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from retriever.doctor.finding import Finding
from retriever.errors import LibraryError, StickerError
from retriever.indexing.scan import is_quarantine_row
from retriever.indexing.state import is_state_row
from retriever.store import journal
from retriever.store.described import is_described
from retriever.store.manifest import read_manifest
from retriever.store.paths import LibraryPaths
from retriever.store.vectors import read_shard


def journals(paths: LibraryPaths) -> tuple[tuple[Path, journal.Check], ...]:
    """The journals of a library, and what a row of each is."""
    return (
        (paths.stickers, is_state_row),
        (paths.attributes, is_described),
        (paths.quarantine, is_quarantine_row),
    )


def bad_vector_manifests(paths: LibraryPaths) -> list[tuple[Path, str]]:
    """Manifests of vector folders that are not of the encoder their folder is named after."""
    bad = []
    for path in sorted(paths.vectors.glob("*/manifest.json")):
        try:
            found = json.loads(path.read_text(encoding="utf-8"))["fingerprint"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            bad.append((path, f"{path} is not readable ({error!r})"))
            continue
        if found != path.parent.name:
            bad.append((path, f"{path} is of encoder {found}, expected {path.parent.name}"))
    return bad


def bad_shards(paths: LibraryPaths) -> list[tuple[Path, str]]:
    """Vector shards that cannot be read or fail their hash, with what is wrong."""
    bad = []
    for shard in sorted(paths.vectors.glob("*/[0-9]*.safetensors")):
        try:
            read_shard(shard)
        except (LibraryError, OSError, KeyError) as error:
            bad.append((shard, str(error)))
    return bad


def check_records(paths: LibraryPaths) -> Iterator[Finding]:
    """Read every record once; changes nothing."""
    remedy = f"sticker doctor --repair --library {paths.root}"
    unfinished = len(paths.unfinished())
    if unfinished:
        text = f"{unfinished} unfinished files of a stopped run"
        yield Finding("leftovers", "note", text, "removed by the next `sticker index`")
    try:
        if read_manifest(paths) is None:
            yield Finding("manifest", "problem", f"{paths.manifest} is missing", remedy)
        else:
            yield Finding("manifest", "ok", "readable")
    except StickerError as error:
        yield Finding("manifest", "problem", str(error), remedy)
    for path, check in journals(paths):
        try:
            count = sum(1 for _ in journal.read(path, check))
            yield Finding(f"journal {path.stem}", "ok", f"{count:,} rows")
        except LibraryError as error:
            yield Finding(f"journal {path.stem}", "problem", str(error), remedy)
    bad = [*bad_vector_manifests(paths), *bad_shards(paths)]
    for _, text in bad:
        yield Finding("vectors", "problem", text, remedy)
    if not bad:
        yield Finding("vectors", "ok", "every shard matches its SHA-256")
    yield from _quarantined(paths)


def _quarantined(paths: LibraryPaths) -> Iterator[Finding]:
    try:
        reasons = Counter(row["reason"] for row in journal.read(paths.quarantine, is_quarantine_row))
    except LibraryError:
        return  # told above
    if reasons:
        counts = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
        yield Finding("quarantine", "note", counts, f"see {paths.quarantine}")
