"""What a dataset is made of, and what its splits have in common and should not: ``sticker data inspect``."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from eval.curation.giveaway import GiveAway, give_away
from eval.curation.looks import Look, alike, looks_of
from eval.curation.overlap import Leak, TalkIndex, leak_between, look_alikes_across
from eval.curation.statistics import SplitStatistics, finish
from eval.datasets.dataset import Dataset, open_dataset, open_stickers, splits_of
from eval.datasets.formats import NATIVE_SPLITS
from eval.labels import LABEL_FIELDS, label_of
from retriever.errors import InputError
from retriever.packs.entry import PackEntry
from retriever.progress import bar

__all__ = ["Inspection", "StickerStatistics", "inspect"]

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class StickerStatistics:
    """Counts of a dataset's stickers.

    Attributes:
        stickers: all there are, and `packs`: how many each pack has.
        with_text: those that say something (`verbal`).
        labels: by field, how often each occurs; ``emoji`` may have hundreds.
        unusable: by reason: broken rows and images; `problems` are the first of them.
        exact_groups, near_groups: groups of equal bytes, and that look alike; None where nobody looked.
        across_exact, across_near, across: of these, those of which two splits have a copy each that the
            other has not; the first few.
    """

    stickers: int
    packs: Mapping[str, int]
    with_text: int
    labels: Mapping[str, Mapping[str, int]]
    unusable: Mapping[str, int]
    problems: tuple[str, ...] = ()
    exact_groups: int | None = None
    near_groups: int | None = None
    across_exact: int | None = None
    across_near: int | None = None
    across: tuple[tuple[str, ...], ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """As JSON values; packs as how many, and the least, mean and most stickers of one."""
        sizes = sorted(self.packs.values())
        return {
            "stickers": self.stickers,
            "packs": len(sizes),
            "stickers_per_pack": {
                "least": sizes[0] if sizes else None,
                "mean": round(sum(sizes) / len(sizes), 3) if sizes else None,
                "most": sizes[-1] if sizes else None,
            },
            "with_text": self.with_text,
            "without_text": self.stickers - self.with_text,
            "labels": {name: dict(counts) for name, counts in self.labels.items()},
            "unusable": dict(self.unusable),
            "problems": list(self.problems),
            "exact_groups": self.exact_groups,
            "near_groups": self.near_groups,
            "own_copies_in_splits": {
                "exact": self.across_exact,
                "near": self.across_near,
                "first": [list(group) for group in self.across],
            },
        }


@dataclass(frozen=True, slots=True)
class Inspection:
    """All that `inspect` found.

    Attributes:
        splits: by name; empty for formats without conversations.
        stickers: None where the dataset comes without any; `no_stickers` says why.
        not_there: stickers that were sent and are not among the stickers, and in how many rows.
        give_aways: by split, what its lists of candidates say by themselves; only where lists and labels are.
    """

    name: str
    format: str
    splits: Mapping[str, SplitStatistics]
    stickers: StickerStatistics | None
    no_stickers: str
    not_there: Mapping[str, int]
    leaks: tuple[Leak, ...]
    give_aways: Mapping[str, GiveAway]

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "name": self.name,
            "format": self.format,
            "splits": {name: counts.as_dict() for name, counts in self.splits.items()},
            "stickers": self.stickers.as_dict() if self.stickers else None,
            "no_stickers": self.no_stickers or None,
            "sent_but_not_there": {
                "stickers": len(self.not_there),
                "rows": sum(self.not_there.values()),
                "first": list(self.not_there)[:_SHOWN],
            },
            "leaks": [leak.as_dict() for leak in self.leaks],
            "lists": {name: one.as_dict() for name, one in self.give_aways.items()},
        }


def inspect(
    place: str | Path,
    format: str | None = None,
    *,
    packs: Sequence[str | Path] = (),
    splits: Sequence[str] = (),
    images: bool = True,
    cache: Path | None = None,
    show_progress: bool | None = None,
) -> Inspection:
    """Read a dataset once and count.

    Args:
        place: a folder in any format (`eval.datasets.formats`), or a pack.
        packs: where a native dataset's stickers are, if not in its own ``stickers/``.
        splits: only these; empty takes all that are there.
        images: look at the images too, for duplicates; see `eval.curation.looks.looks_of` for `cache`.

    Raises:
        InputError: nothing there, no known format, or no such split.
    """
    kind, there = splits_of(place, format)
    wanted = _wanted(there, splits, Path(place))
    counts: dict[str, SplitStatistics] = {}
    talks: dict[str, TalkIndex] = {}
    for name in wanted:
        counts[name], talks[name] = _read_split(place, kind.name, name, show_progress)
    stickers, looks, no_stickers, known = None, list[Look](), "", None
    labels: dict[str, dict[str, str]] = {}
    try:
        stickers, looks, known, labels = _read_stickers(place, kind.name, packs, images, cache, show_progress)
    except InputError as error:
        if packs or not counts:
            raise
        no_stickers = str(error)
    groups = alike(looks) if images else []
    sides = _sides(counts, known or frozenset())
    if stickers is not None and images:
        stickers = _with_groups(stickers, groups, looks, sides)
    by_id = {looks[at].id: frozenset(looks[other].id for other in group) for group in groups for at in group}
    sent = Counter[str]()
    for one in counts.values():
        sent.update(one.sent)
    return Inspection(
        Path(place).expanduser().resolve().name,
        kind.name,
        counts,
        stickers,
        no_stickers,
        {} if known is None else {id_: n for id_, n in sent.items() if id_ not in known},
        _leaks(counts, talks, by_id if images and looks else None),
        _give_aways(place, kind.name, counts, labels),
    )


def _wanted(there: Mapping[str, Path], splits: Sequence[str], place: Path) -> Sequence[str]:
    missing = [name for name in splits if name not in there]
    if missing:
        raise InputError(f"{place} has no split {missing[0]!r}; it has {', '.join(there) or 'none'}")
    return splits or tuple(there)


def _read_split(
    place: str | Path, format: str, split: str, show: bool | None
) -> tuple[SplitStatistics, TalkIndex]:
    reader = _open(place, format, split).samples()
    counts, talk = SplitStatistics(), TalkIndex()
    with bar(f"Reading {split}", None, show, unit="rows") as advance:
        for sample in reader:
            counts.add(sample, segmented=format == "stickerchat")
            talk.add(sample)
            advance(1)
    finish(counts, reader)
    return counts, talk


def _open(place: str | Path, format: str, split: str) -> Dataset:
    dataset = replace(open_dataset(place, split, format), text="words")
    return dataset if format == "native" else replace(dataset, policy="given" if format == "mod" else "all")


def _give_aways(
    place: str | Path,
    format: str,
    counts: Mapping[str, SplitStatistics],
    labels: Mapping[str, Mapping[str, str]],
) -> dict[str, GiveAway]:
    """Of every split with lists, by its rows' label; what is sent how often is known from another, if any."""
    found = {}
    for name, own in counts.items():
        field = next((one for one in LABEL_FIELDS if one in labels and one in own.labels), None)
        if not own.with_candidates or field is None:
            continue
        known = next((one.sent for other, one in counts.items() if other != name), own.sent)
        said = give_away(_open(place, format, name).samples(), field, labels[field], known)
        if said is not None:
            found[name] = said
    return found


def _read_stickers(
    place: str | Path,
    format: str,
    packs: Sequence[str | Path],
    images: bool,
    cache: Path | None,
    show: bool | None,
) -> tuple[StickerStatistics, list[Look], frozenset[str], dict[str, dict[str, str]]]:
    of_pack, unusable = Counter[str](), Counter[str]()
    labels: dict[str, Counter[str]] = {}
    said: dict[str, dict[str, str]] = {}
    problems: list[str] = []
    entries: list[PackEntry] = []
    with_text = 0
    for entry in open_stickers(place, format, packs):
        if not isinstance(entry, PackEntry):
            unusable[entry.reason] += 1
            problems.append(f"{entry.origin}: {entry.detail}")
            continue
        of_pack[entry.pack] += 1
        with_text += bool(entry.annotations.attributes.verbal)
        for name in ("emotion", "intention", "emoji"):
            value = getattr(entry.annotations, name)
            if value:
                labels.setdefault(name, Counter())[value] += 1
        for field in LABEL_FIELDS:
            label = label_of(entry.annotations, field)
            if label:
                said.setdefault(field, {})[entry.id] = label
        entries.append(entry)
    ids = frozenset(entry.id for entry in entries)
    looks = list(looks_of(entries, cache, show)) if images else []
    for look in looks:
        if look.problem:
            unusable[look.problem.partition(":")[0]] += 1
            problems.append(f"{look.id}: {look.problem}")
    ordered = {name: dict(counts.most_common()) for name, counts in labels.items()}
    found = StickerStatistics(
        len(ids), dict(of_pack), with_text, ordered, dict(unusable), tuple(problems[:_SHOWN])
    )
    return found, looks, ids, said


def _sides(counts: Mapping[str, SplitStatistics], known: frozenset[str]) -> dict[str, frozenset[str]]:
    """The splits of every sticker: where it was sent or, without conversations, what its id begins with."""
    if counts:
        sent = {id_ for one in counts.values() for id_ in one.sent}
        return {id_: frozenset(name for name, one in counts.items() if id_ in one.sent) for id_ in sent}
    names = (*NATIVE_SPLITS, "val", "validation", "dev")
    tops = {id_: id_.partition("/")[0] for id_ in known}
    return {id_: frozenset((top,)) for id_, top in tops.items() if top in names}


def _with_groups(
    stickers: StickerStatistics,
    groups: Sequence[Sequence[int]],
    looks: Sequence[Look],
    sides: Mapping[str, frozenset[str]],
) -> StickerStatistics:
    exact = sum(len({looks[at].sha256 for at in group}) == 1 for group in groups)
    across_exact, across_near, across = look_alikes_across(groups, looks, sides)
    return replace(
        stickers,
        exact_groups=exact,
        near_groups=len(groups) - exact,
        across_exact=across_exact,
        across_near=across_near,
        across=across,
    )


def _leaks(
    counts: Mapping[str, SplitStatistics],
    talks: Mapping[str, TalkIndex],
    by_id: Mapping[str, frozenset[str]] | None,
) -> tuple[Leak, ...]:
    """Every later split in every earlier one."""
    names = list(counts)
    return tuple(
        leak_between(
            later, earlier, talks[later], talks[earlier], counts[later].sent, counts[earlier].sent, by_id
        )
        for at, later in enumerate(names)
        for earlier in names[:at]
    )
