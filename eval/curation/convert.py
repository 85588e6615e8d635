"""Any dataset as a native one, with candidates frozen under named policies: ``sticker data convert``."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from eval.curation.stickers import Known, gather
from eval.curation.write import new_dataset, write_about, write_rows
from eval.datasets.candidates import look_through, sent_of
from eval.datasets.choices import SentSticker
from eval.datasets.dataset import Dataset, open_dataset, open_stickers, splits_of
from eval.datasets.formats import Format
from eval.datasets.frozen import file_digest, freeze
from eval.datasets.policies import DRAWN, POLICIES, WITHOUT_CANDIDATES, Chooser, Pools, choose_by, distinct
from eval.datasets.reader import SampleReader
from eval.datasets.samples import Sample
from retriever.errors import InputError
from retriever.progress import bar

__all__ = ["EVERY", "Converted", "Plan", "convert", "freeze_all", "made_of", "policies_of"]

EVERY = "every"
"""In the place of policies: all that can be used with the data."""

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Converted:
    """What was written.

    Attributes:
        counts: by split and, as ``stickers``, of the pack; as in ``dataset.json``.
        new: False where the same was there already, and nothing was done.
    """

    out: Path
    counts: Mapping[str, Any]
    new: bool = True


@dataclass(frozen=True, slots=True)
class Plan:
    """How candidates are chosen: rows get those of the first policy, all are frozen."""

    policies: tuple[str, ...]
    seed: int
    negatives: int


def convert(
    place: str | Path,
    out: str | Path,
    format: str | None = None,
    *,
    policies: Sequence[str] = (),
    seed: int = 42,
    negatives: int = 9,
    packs: Sequence[str | Path] = (),
    splits: Sequence[str] = (),
    show_progress: bool | None = None,
) -> Converted:
    """Write a dataset in the native format (`eval.curation.write`).

    Candidates can only be stickers that can be read: others become empty slots, which rows do not list.

    Args:
        policies: of candidates, or `EVERY`; rows get those of the first, all are frozen beside them. Empty
            takes the format's own.
        splits: only these; empty takes all that are there.

    Raises:
        InputError: nothing there, an unknown policy or one that these data do not allow, no stickers, or
            `out` holds something else.
    """
    kind, there = splits_of(place, format)
    missing = [name for name in splits if name not in there]
    if missing:
        raise InputError(f"{place} has no split {missing[0]!r}; it has {', '.join(there) or 'none'}")
    wanted = {name: there[name] for name in (splits or there)}
    plan = Plan(policies_of(policies, kind), seed, negatives)
    about = made_of(place, kind, wanted, plan, packs)
    with new_dataset(Path(out), about) as folder:
        if folder is None:
            return Converted(Path(out), {}, new=False)
        known = gather(folder / "stickers", open_stickers(place, format, packs), show_progress)
        counts: dict[str, Any] = {"stickers": known.counts()}
        for name in wanted:
            dataset = replace(open_dataset(place, name, kind.name), policy="given")
            pools = pools_of(kind, Path(place).expanduser(), name, known)
            counts[name] = _split(folder, dataset, pools, known, plan, show_progress)
        write_about(folder, about, counts)
    return Converted(Path(out), counts)


def made_of(
    place: str | Path, kind: Format, files: Mapping[str, Path], plan: Plan, packs: Sequence[str | Path]
) -> dict[str, Any]:
    """What decides the content of a written dataset, as JSON values."""
    return {
        "source": str(Path(place).expanduser().resolve()),
        "format": kind.name,
        "files": {name: file_digest(path) for name, path in files.items()},
        "policies": list(plan.policies),
        "seed": plan.seed,
        "negatives": plan.negatives,
        "packs": [str(pack) for pack in packs],
    }


def policies_of(named: Sequence[str], kind: Format) -> tuple[str, ...]:
    """The policies that were asked for, checked; the format's own where none was.

    Raises:
        InputError: an unknown one, or one that these data do not allow.
    """
    if EVERY in named:
        drawn = (policy for policy in DRAWN if policy != "split")
        return tuple(dict.fromkeys((*kind.policies, *drawn)))
    for policy in named:
        if policy not in POLICIES:
            raise InputError(
                f"policy of negatives is {policy!r}; expected {EVERY} or some of {', '.join(POLICIES)}"
            )
        if policy in ("given", "split") and policy not in kind.policies:
            raise InputError(
                f"policy {policy!r} is not for {kind.name} data; they have {', '.join(kind.policies)}"
            )
    return tuple(dict.fromkeys(named)) or kind.policies[:1]


def pools_of(kind: Format, root: Path, split: str, known: Known) -> Pools:
    """What policies choose from: stickers that can be read, in the format's own order."""
    if kind.name in ("stickerchat", "stickerint"):
        pools = kind.pools(root, split)
        packs = {pack: [id_ for id_ in ids if id_ in known.packs] for pack, ids in pools.packs.items()}
        own = None if pools.split is None else [id_ for id_ in pools.split if id_ in known.packs]
        return Pools(packs, split=own, said=known.said)
    packs = {}
    for id_, pack in known.packs.items():
        packs.setdefault(pack, []).append(id_)
    return Pools(packs, said=known.said)


def freeze_all(
    folder: Path, split: str, sent: Sequence[SentSticker], pools: Pools, plan: Plan
) -> dict[str, Any]:
    """Freeze a written split's candidates under each policy; gives counts, or why not, by policy."""
    found: dict[str, Any] = {}
    for policy in plan.policies:
        if policy in WITHOUT_CANDIDATES:
            continue
        try:
            choose = choose_by(policy, sent, pools, plan.negatives, plan.seed)
        except InputError as error:
            found[policy] = f"not possible: {error}"
            continue
        path = folder / "candidates" / f"candidates-{policy}-{plan.seed}-{split}.jsonl"
        found[policy] = freeze(path, sent, choose, policy, plan.seed, folder / f"{split}.jsonl").counts
    return found


def _split(
    folder: Path, dataset: Dataset, pools: Pools, known: Known, plan: Plan, show: bool | None
) -> dict[str, Any]:
    """Read twice: for what was sent, which policies have to know of, and to write."""
    sent, field = look_through(dataset.samples(), known.packs)
    sent = [one for one in sent if one.sticker in known.packs]
    pools = pools.labelled(field)
    first = plan.policies[0]
    choose = None
    if first not in WITHOUT_CANDIDATES:
        choose = choose_by(first, sent, pools, plan.negatives, plan.seed)
    reader, counts = dataset.samples(), {"empty_slots": 0, "sticker_not_there": 0}
    with bar(f"Writing {dataset.split}", len(sent), show, unit="rows") as advance:
        rows = _chosen(reader, first, choose, known, counts)
        n = write_rows(folder / f"{dataset.split}.jsonl", rows, folder / "inferences.jsonl", advance)
    return {
        "rows": n,
        **counts,
        "left_out": dict(reader.notes),
        "problems": [str(problem) for problem in reader.problems[:_SHOWN]],
        "label": field,
        "candidates": freeze_all(folder, dataset.split, sent, pools, plan),
    }


def _chosen(
    reader: SampleReader, policy: str, choose: Chooser | None, known: Known, counts: dict[str, int]
) -> Iterator[Sample]:
    at = 0
    for sample in reader:
        asked = sent_of(sample, known.packs)
        there = asked is not None and asked.sticker in known.packs
        counts["sticker_not_there"] += asked is not None and not there
        if choose is not None:
            candidates = None
            if asked is not None and there:
                choice = choose(at, asked)
                candidates = distinct(choice)
                counts["empty_slots"] += choice[0].count(None)
                at += 1
            yield replace(sample, candidates=candidates)
        elif policy == "all" or sample.candidates is None:
            yield replace(sample, candidates=None)
        else:
            listed = tuple(id_ for id_ in sample.candidates if id_ in known.packs)
            counts["empty_slots"] += len(sample.candidates) - len(listed)
            yield replace(sample, candidates=listed or None)
