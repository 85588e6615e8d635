"""Who goes to train and who to valid, so that some stickers are in valid alone. Pure; by a seed."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast, get_args

import numpy as np

from eval.curation.dialogues import Rows
from retriever.errors import InputError

__all__ = ["Keeping", "Side", "Sides", "check_keeping", "choose_sides"]

Side = Literal["train", "valid", "left_out"]
Keeping = Literal["auto", "move", "leave_out"]
"""What becomes of a dialogue in which an unseen sticker is sent. ``move``: it goes to valid, whole.
``leave_out``: where it is in train, the rows with that sticker are left out and the others stay. ``auto``:
``move``, unless more than twice the rows that were asked for would go."""

_TOO_MANY = 2


@dataclass(frozen=True, slots=True)
class Sides:
    """Where every row goes.

    Attributes:
        of: for each row.
        unseen: stickers that are sent in valid, and neither they nor any look-alike in train.
        hidden: these, those that were chosen, and all that look like them: what train must not name at all.
        n_dialogues: how many there are; `largest`: rows of the largest.
        keeping: which way was taken.
    """

    of: list[Side]
    unseen: frozenset[str]
    hidden: frozenset[str]
    n_dialogues: int
    largest: int
    keeping: Keeping


def check_keeping(name: str) -> Keeping:
    """The way, if it is one.

    Raises:
        InputError: it is not; the message lists them.
    """
    for known in get_args(Keeping):
        if name == known:
            return cast(Keeping, known)
    raise InputError(f"dialogues is {name!r}; expected one of {', '.join(get_args(Keeping))}")


def choose_sides(
    rows: Rows,
    alike: Mapping[str, frozenset[str]],
    unseen: float,
    valid: float,
    seed: int,
    keeping: Keeping = "auto",
) -> Sides:
    """Choose stickers by chance until they are a share of those sent, and dialogues for valid.

    More stickers may end up unseen than were chosen: those sent only in dialogues that went to valid.

    Args:
        alike: of every sticker, all that look like it, itself among them.
        unseen: the share of the stickers that were sent.
        valid: the share of the rows.

    Raises:
        InputError: nothing was sent, or no row would be left for train.
    """
    rng = np.random.default_rng(seed)
    sent = sorted({one.sticker for one in rows.sent if one is not None})
    if not sent:
        raise InputError("no row has a sticker that is there; there is nothing to divide")
    chosen = _chosen(sent, alike, unseen, rng)
    sizes = Counter(rows.dialogue)
    of_chosen = {
        dialogue
        for dialogue, one in zip(rows.dialogue, rows.sent, strict=True)
        if one is not None and one.sticker in chosen
    }
    way = keeping
    if way == "auto":
        moved = sum(sizes[dialogue] for dialogue in of_chosen)
        way = "leave_out" if moved > _TOO_MANY * max(unseen, valid) * len(rows.dialogue) else "move"
    held = _filled(set(of_chosen) if way == "move" else set(), sizes, valid, rng)
    of: list[Side] = []
    for dialogue, one in zip(rows.dialogue, rows.sent, strict=True):
        if dialogue in held:
            of.append("valid")
        else:
            of.append("left_out" if one is not None and one.sticker in chosen else "train")
    if "train" not in of:
        raise InputError(
            f"no row would be left for train: {len(chosen)} stickers were chosen, and dialogues stay whole "
            f"({len(sizes)} of them, the largest of {max(sizes.values())} rows); ask for fewer stickers"
        )
    return _sides(of, rows, alike, chosen, sizes, way)


def _chosen(
    sent: list[str], alike: Mapping[str, frozenset[str]], share: float, rng: np.random.Generator
) -> frozenset[str]:
    there = frozenset(sent)
    found: set[str] = set()
    for at in rng.permutation(len(sent)).tolist():
        if len(found) >= share * len(sent):
            break
        found |= _like(sent[at], alike) & there
    return frozenset(found)


def _filled(held: set[int], sizes: Counter[int], share: float, rng: np.random.Generator) -> set[int]:
    """`held` and further dialogues, by chance, until they have their share of the rows."""
    wanted = share * sizes.total()
    n = sum(sizes[dialogue] for dialogue in held)
    others = [dialogue for dialogue in sorted(sizes) if dialogue not in held]
    for at in rng.permutation(len(others)).tolist():
        if n >= wanted:
            break
        held.add(others[at])
        n += sizes[others[at]]
    return held


def _sides(
    of: list[Side],
    rows: Rows,
    alike: Mapping[str, frozenset[str]],
    chosen: frozenset[str],
    sizes: Counter[int],
    way: Keeping,
) -> Sides:
    sent = {side: set[str]() for side in ("train", "valid", "left_out")}
    for side, one in zip(of, rows.sent, strict=True):
        if one is not None:
            sent[side].add(one.sticker)
    seen = {other for id_ in sent["train"] for other in _like(id_, alike)}
    unseen = frozenset(sent["valid"] - seen)
    hidden = frozenset(other for id_ in unseen | chosen for other in _like(id_, alike))
    return Sides(of, unseen, hidden, len(sizes), max(sizes.values()), way)


def _like(id_: str, alike: Mapping[str, frozenset[str]]) -> frozenset[str]:
    return alike.get(id_) or frozenset((id_,))
