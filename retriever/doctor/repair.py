"""Repairs: nothing of record is deleted, what is damaged is set aside under another name."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

from retriever.doctor.finding import Finding
from retriever.doctor.records import bad_shards, bad_vector_manifests, journals
from retriever.errors import LibraryDamaged, LibraryError, StickerError
from retriever.indexing import rebuild_index
from retriever.store.index import current_name, index_folders, read_info
from retriever.store.journal import set_aside_damage
from retriever.store.lock import writer_lock
from retriever.store.manifest import Manifest, read_manifest, write_manifest
from retriever.store.paths import LibraryPaths
from retriever.store.probe import probe


def repair(paths: LibraryPaths, show_progress: bool | None = None) -> Iterator[Finding]:
    """Repair the library; yields what was done.

    Journals lose their unreadable lines to ``*.damaged``, vector shards that fail their hash are renamed and
    their stickers encoded again, a lost manifest is taken from the newest index, and the index is made anew
    when its check fails.

    Raises:
        LibraryLocked: somebody is writing.
        ManifestMismatch: a newer version made the library; it is left alone.
        LibraryError: a Chroma server does not answer.
    """
    with writer_lock(paths):
        left = paths.remove_unfinished()
        if left:
            yield Finding("leftovers", "ok", f"{len(left)} unfinished files removed")
        yield from _repair_manifest(paths)
        for path, check in journals(paths):
            moved = set_aside_damage(path, check)
            if moved:
                text = f"{moved} unreadable lines moved to {path.name}.damaged"
                yield Finding(f"journal {path.stem}", "ok", text, "index the pack again to bring them back")
        for path, _ in bad_vector_manifests(paths):
            path.rename(_free_name(path))
            yield Finding("vectors", "ok", f"{path.parent.name}/{path.name} set aside and written anew")
        shards = bad_shards(paths)
        for shard, _ in shards:
            shard.rename(_free_name(shard))
            yield Finding("vectors", "ok", f"{shard.name} set aside; its stickers are encoded again")
        try:
            wrong = probe(paths.indexes / current_name(paths))
        except LibraryError as error:
            wrong = str(error)
    if wrong is None and not shards:
        yield Finding("index", "ok", "whole; left as it is")
        return
    if not paths.manifest.exists():
        return  # told above: only indexing a pack can make one
    report = rebuild_index(paths.root, show_progress=show_progress)
    yield Finding("index", "ok", f"made anew as {report.index}: {report.total:,} stickers")


def _repair_manifest(paths: LibraryPaths) -> Iterator[Finding]:
    try:
        if read_manifest(paths) is not None:
            return
    except LibraryDamaged:
        paths.manifest.rename(_free_name(paths.manifest))
    for folder in reversed(index_folders(paths)):
        try:
            value = read_info(folder)["manifest"]
            write_manifest(paths, Manifest.from_json(value, str(folder)))
        except (StickerError, KeyError):
            continue
        yield Finding("manifest", "ok", f"taken from index {folder.name}")
        return
    yield Finding(
        "manifest", "problem", "lost, and no index to take it from", "index the pack again with --encoder"
    )


def _free_name(path: Path) -> Path:
    """``NAME.damaged`` beside `path`, with a number where that is taken: nothing set aside is overwritten."""
    names = (path.with_name(f"{path.name}.damaged{'' if n == 0 else n}") for n in count())
    return next(name for name in names if not name.exists())
