"""The first stage: every sticker of a pack is read, checked and written to the stickers journal."""

import hashlib
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from dataclasses import replace as changed
from pathlib import Path
from typing import Any

from retriever.errors import BadImage, PackError
from retriever.indexing.looks import look_of
from retriever.indexing.parallel import ordered_map
from retriever.indexing.state import Entry, State, drop_row, put_row
from retriever.packs import Limits, decode
from retriever.packs.entry import PackEntry, Quarantined
from retriever.progress import Advance, nothing
from retriever.store import journal
from retriever.store.atomic import write_bytes
from retriever.store.journal import JournalWriter
from retriever.store.paths import LibraryPaths
from retriever.store.rows import to_row

logger = logging.getLogger(__name__)

_HIDES_OTHERS = frozenset({"unreadable", "corrupt", "truncated", "encrypted", "too_large_file"})
"""Reasons for which a reader may pass over more than one sticker: a folder, the rest of an index file."""

FLUSH_EVERY = 256
"""Rows between two flushes of the journal: a kill costs reading at most this many stickers again."""


@dataclass(slots=True)
class ScanResult:
    """What the scan found; `seen` are the ids of this source that can be used."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    removed: int = 0
    seen: set[str] = field(default_factory=set)
    notices: list[str] = field(default_factory=list)
    quarantined: list[Quarantined] = field(default_factory=list)


def scan(
    entries: Iterable[PackEntry | Quarantined],
    source: str,
    paths: LibraryPaths,
    state: State,
    limits: Limits,
    workers: int = 2,
    advance: Advance = nothing,
) -> ScanResult:
    """Bring the stickers journal up to date with a pack; `state` follows.

    What is unchanged (same bytes, same annotations) is not decoded again and writes nothing. What the pack no
    longer has is dropped at the very end, so a scan that is killed or fails removes nothing; nor does one
    that could not see the whole pack (a folder or an index file that does not open or breaks off).

    Raises:
        PackError: nothing in the pack can be used; nothing is removed.
    """
    result = ScanResult()
    unseen: list[Quarantined] = []

    def read(entry: PackEntry | Quarantined) -> tuple[Quarantined | bytes, str]:
        if isinstance(entry, Quarantined):
            if entry.reason in _HIDES_OTHERS:
                unseen.append(entry)
            return entry, entry.id
        return _read(entry, source, paths, state.entries.get(entry.id), limits), entry.id

    def noting() -> Iterator[PackEntry | Quarantined]:
        for entry in entries:
            if isinstance(entry, PackEntry):
                result.notices += [f"{entry.origin}: {notice}" for notice in entry.notices]
            yield entry

    with JournalWriter(paths.stickers) as writer:
        for outcome, sticker_id in ordered_map(read, noting(), workers):
            _take(outcome, sticker_id, source, state, writer, result)
            advance(1)
        if unseen:
            logger.warning("nothing is removed, for %s: %s", unseen[0].origin, unseen[0].detail)
        elif result.seen:
            _drop_unseen(source, state, writer, result)
    record_quarantine(paths.quarantine, source, result.quarantined)
    if not result.seen:
        raise _nothing_usable(source, result.quarantined)
    return result


def _drop_unseen(source: str, state: State, writer: JournalWriter, result: ScanResult) -> None:
    for sticker_id, entry in list(state.entries.items()):
        if entry.source == source and sticker_id not in result.seen:
            row = drop_row(source, sticker_id)
            writer.append(row)
            state.apply(row)
            result.removed += 1


def _nothing_usable(source: str, quarantined: list[Quarantined]) -> PackError:
    if not quarantined:
        return PackError(f"{source} has no stickers any more; nothing was changed")
    first = quarantined[0]
    return PackError(
        f"none of the {len(quarantined)} stickers in {source} can be used, so nothing was changed; "
        f"the first: {first.origin}: {first.reason} ({first.detail})"
    )


def _take(
    outcome: Quarantined | bytes,
    sticker_id: str,
    source: str,
    state: State,
    writer: JournalWriter,
    result: ScanResult,
) -> None:
    if isinstance(outcome, Quarantined):
        result.quarantined.append(outcome)
        if outcome.reason == "unreadable" and sticker_id in state.entries:
            result.seen.add(sticker_id)  # a disk that does not answer now has not deleted anything
        return
    known = state.entries.get(sticker_id)
    if known is not None and known.source != source and Path(known.source).exists():
        result.quarantined.append(
            Quarantined(
                sticker_id,
                source,
                "duplicate_id",
                f"{known.source} already has this id; rename one of the two",
            )
        )
        return
    result.seen.add(sticker_id)
    if known is not None and known.line == outcome:
        result.unchanged += 1
        return
    result.added += known is None
    result.changed += known is not None
    writer.append_line(outcome)
    state.apply_line(outcome)
    if (result.added + result.changed) % FLUSH_EVERY == 0:
        writer.flush()


def _read(
    entry: PackEntry, source: str, paths: LibraryPaths, known: Entry | None, limits: Limits
) -> Quarantined | bytes:
    """The journal line of one sticker, or why there is none. Runs on worker threads."""
    try:
        data = entry.read()
        digest = hashlib.sha256(data).hexdigest()
        facts = _known_facts(known, digest) or _facts(data, limits)
    except BadImage as error:
        return Quarantined(entry.id, entry.origin, error.reason, error.detail)
    except OSError as error:
        return Quarantined(entry.id, entry.origin, "unreadable", f"{type(error).__name__}: {error}")
    path = str(entry.path or _keep(paths.images, digest, facts.kind, data))
    sticker = changed(
        entry.annotations.sticker(entry.id, entry.pack, digest, path),
        kind=facts.kind,
        width=facts.width,
        height=facts.height,
        n_frames=facts.n_frames,
    )
    return journal.encode(put_row(source, to_row(sticker), facts.look))


@dataclass(frozen=True, slots=True)
class _Facts:
    """What the pixels say."""

    kind: str
    width: int
    height: int
    n_frames: int
    look: str


def _known_facts(known: Entry | None, digest: str) -> _Facts | None:
    if known is None or known.sha256 != digest:
        return None
    row = known.row
    return _Facts(
        row.get("kind", "png"), row.get("width", 0), row.get("height", 0), row.get("n_frames", 1),
        row["look"],
    )  # fmt: skip


def _facts(data: bytes, limits: Limits) -> _Facts:
    image = decode(data, limits)
    return _Facts(image.kind, image.width, image.height, image.n_frames, look_of(image.frames[0]))


def _keep(folder: Path, digest: str, kind: str, data: bytes) -> Path:
    """Keep the bytes of a sticker that lay in an archive; the name is their hash."""
    path = folder / digest[:2] / f"{digest}.{kind}"
    if not path.exists():
        write_bytes(path, data)
    return path


def is_quarantine_row(row: dict[str, Any]) -> bool:
    """Whether `row` can stand in the quarantine journal."""
    return all(isinstance(row.get(key), str) for key in ("source", "id", "origin", "reason", "detail"))


def record_quarantine(
    path: Path, source: str, quarantined: Sequence[Quarantined], replace: bool = True
) -> None:
    """Put `quarantined` into the quarantine journal; `replace` what it says of `source`, or add to it."""

    def rows() -> Iterator[dict[str, str]]:
        for row in journal.read(path, is_quarantine_row):
            if row["source"] != source or not replace:
                yield row
        for item in quarantined:
            yield {
                "source": source,
                "id": item.id,
                "origin": item.origin,
                "reason": item.reason,
                "detail": item.detail,
            }

    if quarantined or path.exists():
        journal.rewrite(path, list(rows()))
