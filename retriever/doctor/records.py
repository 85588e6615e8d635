"""Checks of the files of record: manifest, journals, vectors."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from retriever.doctor.finding import Finding
from retriever.errors import LibraryError, StickerError
from retriever.store import journal
from retriever.store.atomic import TEMPORARY
from retriever.store.manifest import read_manifest
from retriever.store.paths import LibraryPaths
from retriever.store.vectors import read_shard


def journals(paths: LibraryPaths) -> tuple[Path, ...]:
    """The journals of a library."""
    return (paths.stickers, paths.attributes, paths.quarantine)


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
    unfinished = sum(1 for _ in paths.root.rglob(f"{TEMPORARY}*"))
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
    for path in journals(paths):
        try:
            count = sum(1 for _ in journal.read(path))
            yield Finding(f"journal {path.stem}", "ok", f"{count:,} rows")
        except LibraryError as error:
            yield Finding(f"journal {path.stem}", "problem", str(error), remedy)
    bad = bad_shards(paths)
    for _, text in bad:
        yield Finding("vectors", "problem", text, remedy)
    if not bad:
        yield Finding("vectors", "ok", "every shard matches its SHA-256")
    yield from _quarantined(paths)


def _quarantined(paths: LibraryPaths) -> Iterator[Finding]:
    try:
        reasons = Counter(row["reason"] for row in journal.read(paths.quarantine))
    except LibraryError:
        return  # told above
    if reasons:
        counts = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
        yield Finding("quarantine", "note", counts, f"see {paths.quarantine}")
