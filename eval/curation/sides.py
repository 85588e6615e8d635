"""Who goes to train and who to valid, so that some stickers are in valid alone. Pure; by a seed."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from eval.curation.dialogues import Rows
from retriever.errors import InputError

__all__ = ["Sides", "choose_sides"]


@dataclass(frozen=True, slots=True)
class Sides:
    """Where every row goes.

    Attributes:
        valid: for each row, whether it goes to valid.
        unseen: stickers that are sent in valid, and neither they nor any look-alike in train.
        hidden: these and all that look like them: what train must not name at all.
        n_groups: dialogues there are; `largest`: rows of the largest.
    """

    valid: list[bool]
    unseen: frozenset[str]
    hidden: frozenset[str]
    n_groups: int
    largest: int


def choose_sides(
    rows: Rows, alike: Mapping[str, frozenset[str]], unseen: float, valid: float, seed: int
) -> Sides:
    """Choose stickers by chance until they are a share of those sent; their dialogues go to valid.

    Then further dialogues follow by chance, until valid has its share of the rows. More stickers may end up
    unseen than were chosen: those that were sent only in dialogues that went to valid.

    Args:
        alike: of every sticker, all that look like it, itself among them.
        unseen: the share of the stickers that were sent.
        valid: the share of the rows.

    Raises:
        InputError: nothing was sent, or train would be left without a row.
    """
    rng = np.random.default_rng(seed)
    sent = sorted({one.sticker for one in rows.sent if one is not None})
    if not sent:
        raise InputError("no row has a sticker that is there; there is nothing to divide")
    chosen = _chosen(sent, alike, unseen, rng)
    sizes = Counter(rows.dialogue)
    held = {
        dialogue
        for dialogue, one in zip(rows.dialogue, rows.sent, strict=True)
        if one is not None and one.sticker in chosen
    }
    n_valid = sum(sizes[dialogue] for dialogue in held)
    others = [dialogue for dialogue in sorted(sizes) if dialogue not in held]
    for at in rng.permutation(len(others)).tolist():
        if n_valid >= valid * len(rows.dialogue):
            break
        held.add(others[at])
        n_valid += sizes[others[at]]
    if n_valid >= len(rows.dialogue):
        raise InputError(
            f"all {n_valid} rows would go to valid, for {len(chosen)} stickers and dialogues that stay whole "
            f"({len(sizes)} of them, the largest of {max(sizes.values())} rows); ask for fewer stickers"
        )
    return _sides([dialogue in held for dialogue in rows.dialogue], rows, alike, sizes)


def _chosen(
    sent: list[str], alike: Mapping[str, frozenset[str]], share: float, rng: np.random.Generator
) -> frozenset[str]:
    there = frozenset(sent)
    found: set[str] = set()
    for at in rng.permutation(len(sent)).tolist():
        if len(found) >= share * len(sent):
            break
        found |= alike.get(sent[at], frozenset((sent[at],))) & there
    return frozenset(found)


def _sides(valid: list[bool], rows: Rows, alike: Mapping[str, frozenset[str]], sizes: Counter[int]) -> Sides:
    by_side: defaultdict[bool, set[str]] = defaultdict(set)
    for held, one in zip(valid, rows.sent, strict=True):
        if one is not None:
            by_side[held].add(one.sticker)
    seen = frozenset(other for id_ in by_side[False] for other in alike.get(id_, frozenset((id_,))))
    unseen = frozenset(by_side[True]) - seen
    hidden = frozenset(other for id_ in unseen for other in alike.get(id_, frozenset((id_,))))
    return Sides(valid, unseen, hidden, len(sizes), max(sizes.values()))
