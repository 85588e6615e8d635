"""Repairs: nothing of record is deleted, what is damaged is set aside under another name."""

from collections.abc import Iterator

from retriever.doctor.finding import Finding
from retriever.doctor.records import bad_shards, journals
from retriever.errors import StickerError
from retriever.indexing import rebuild_index
from retriever.store.atomic import remove_unfinished
from retriever.store.index import read_info
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
        LibraryNotFound: there is nothing to repair.
    """
    with writer_lock(paths):
        left = remove_unfinished(paths.root)
        if left:
            yield Finding("leftovers", "ok", f"{len(left)} unfinished files removed")
        yield from _repair_manifest(paths)
        for path in journals(paths):
            moved = set_aside_damage(path)
            if moved:
                text = f"{moved} unreadable lines moved to {path.name}.damaged"
                yield Finding(f"journal {path.stem}", "ok", text, "index the pack again to bring them back")
        shards = bad_shards(paths)
        for shard, _ in shards:
            shard.rename(shard.with_suffix(".damaged"))
            yield Finding("vectors", "ok", f"{shard.name} set aside; its stickers are encoded again")
        name = paths.current.read_text(encoding="utf-8").strip() if paths.current.exists() else ""
        wrong = probe(paths.indexes / name) if name else "there is no index"
    if wrong is None and not shards:
        yield Finding("index", "ok", "whole; left as it is")
        return
    report = rebuild_index(paths.root, show_progress=show_progress)
    yield Finding("index", "ok", f"made anew as {report.index}: {report.total:,} stickers")


def _repair_manifest(paths: LibraryPaths) -> Iterator[Finding]:
    try:
        if read_manifest(paths) is not None:
            return
    except StickerError:
        paths.manifest.rename(paths.manifest.with_suffix(".damaged"))
    for folder in sorted(paths.indexes.glob("[0-9]*"), reverse=True):
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
