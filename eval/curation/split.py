"""Train and valid so that some stickers are seen in valid only: ``sticker data split``.

Images that look alike stay on one side, and so do the rows of one dialogue. Train names no sticker that only
valid has, in no row and in no list of candidates.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from eval.curation.convert import EVERY, Converted, Plan, freeze_all, made_of, policies_of, pools_of
from eval.curation.dialogues import Rows, read_rows_of
from eval.curation.looks import alike, looks_of
from eval.curation.sides import Keeping, Side, Sides, choose_sides
from eval.curation.stickers import Known, gather
from eval.curation.write import new_dataset, write_about, write_rows
from eval.datasets.dataset import Dataset, open_dataset, open_stickers, splits_of
from eval.datasets.policies import Pools
from eval.datasets.samples import Sample
from retriever.errors import InputError
from retriever.packs.entry import PackEntry

__all__ = ["LEFT_OUT", "UNSEEN", "split_unseen"]

UNSEEN = "unseen-stickers.json"
"""The stickers that only valid has, in the folder of the dataset."""

LEFT_OUT = "left-out.jsonl"
"""Rows of train dialogues with a sticker that train must not have."""


def split_unseen(
    place: str | Path,
    out: str | Path,
    format: str | None = None,
    *,
    unseen: float = 0.1,
    valid: float = 0.1,
    seed: int = 42,
    policies: Sequence[str] = (EVERY,),
    negatives: int = 9,
    packs: Sequence[str | Path] = (),
    split: str | None = None,
    keeping: Keeping = "auto",
    cache: Path | None = None,
    show_progress: bool | None = None,
) -> Converted:
    """Write a dataset in the native format with another train and valid.

    Args:
        unseen: the share of the stickers that were sent which only valid shall have.
        valid: the share of the rows that shall be in valid, at least; rows that go there for their stickers
            count.
        policies: see `eval.curation.convert.convert`; rows keep the candidates that they have.
        split: which of the dataset's splits is divided; None takes ``train``, or the only one.
        keeping: what becomes of a dialogue in which an unseen sticker is sent; see `Keeping`.
        cache: of looks; see `eval.curation.looks.looks_of`.

    Raises:
        InputError: nothing there, no stickers, a share out of range, no way to divide these data so, or
            `out` holds something else.
    """
    for name, share in (("unseen", unseen), ("valid", valid)):
        if not 0 < share < 1:
            raise InputError(f"{name} is {share}; expected a share between 0 and 1, such as 0.1")
    kind, there = splits_of(place, format)
    wanted = split or ("train" if "train" in there or len(there) != 1 else next(iter(there)))
    dataset = replace(open_dataset(place, wanted, kind.name), policy="given")
    plan = Plan(policies_of(policies, kind), seed, negatives)
    about = {
        **made_of(place, kind, {wanted: dataset.path}, plan, packs),
        "unseen": unseen,
        "valid": valid,
        "keeping": keeping,
    }
    with new_dataset(Path(out), about) as folder:
        if folder is None:
            return Converted(Path(out), {}, new=False)
        known = gather(folder / "stickers", open_stickers(place, format, packs), show_progress)
        rows = read_rows_of(dataset, known, show_progress)
        groups = _look_alikes(folder / "stickers", cache, show_progress)
        sides = choose_sides(rows, groups, unseen, valid, seed, keeping)
        pools = pools_of(kind, Path(place).expanduser(), wanted, known)
        counts = _write(folder, dataset, rows, sides, pools, known, plan)
        write_about(folder, about, {"stickers": known.counts(), **counts})
    return Converted(Path(out), counts)


def _look_alikes(folder: Path, cache: Path | None, show: bool | None) -> dict[str, frozenset[str]]:
    """Of every sticker, all that look like it, itself among them."""
    entries = [entry for entry in open_stickers(folder, "pack") if isinstance(entry, PackEntry)]
    looks = list(looks_of(entries, cache, show))
    groups = {look.id: frozenset((look.id,)) for look in looks}
    for group in alike(looks):
        ids = frozenset(looks[at].id for at in group)
        groups |= dict.fromkeys(ids, ids)
    return groups


def _write(
    folder: Path, dataset: Dataset, rows: Rows, sides: Sides, pools: Pools, known: Known, plan: Plan
) -> dict[str, Any]:
    pools = pools.labelled(rows.label)
    counts: dict[str, Any] = {
        "dialogues": sides.n_dialogues,
        "largest_dialogue": sides.largest,
        "dialogues_with_unseen": sides.keeping,
        "unseen_stickers": len(sides.unseen),
    }
    for name in ("train", "valid"):
        held = name == "valid"
        hidden = frozenset[str]() if held else sides.hidden
        n = write_rows(
            folder / f"{name}.jsonl",
            _of(dataset, rows, sides, name, hidden, known),
            folder / "inferences.jsonl",
        )
        sent = [
            one for side, one in zip(sides.of, rows.sent, strict=True) if side == name and one is not None
        ]
        own = pools if held else _without(pools, sides.hidden)
        counts[name] = {
            "rows": n,
            "stickers_sent": len({one.sticker for one in sent}),
            "rows_with_unseen": sum(one.sticker in sides.unseen for one in sent),
            "candidates": freeze_all(folder, name, sent, own, plan),
        }
    n = write_rows(folder / LEFT_OUT, _of(dataset, rows, sides, "left_out", frozenset(), known))
    counts["rows_left_out"] = n
    listed = {"unseen": sorted(sides.unseen), "not_in_train": sorted(sides.hidden)}
    (folder / UNSEEN).write_text(json.dumps(listed, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return counts


def _of(
    dataset: Dataset, rows: Rows, sides: Sides, side: Side, hidden: frozenset[str], known: Known
) -> Iterator[Sample]:
    for at, sample in enumerate(dataset.samples()):
        if sides.of[at] == side:
            yield replace(sample, candidates=rows.listed(sample, hidden, known))


def _without(pools: Pools, hidden: frozenset[str]) -> Pools:
    packs = {pack: [id_ for id_ in ids if id_ not in hidden] for pack, ids in pools.packs.items()}
    own = None if pools.split is None else [id_ for id_ in pools.split if id_ not in hidden]
    return replace(pools, packs=packs, split=own)
