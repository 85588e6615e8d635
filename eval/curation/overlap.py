"""What two splits of a dataset have in common and should not: conversations, stickers, look-alikes."""

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.curation.looks import Look
from eval.curation.talk import pair_keys, text_key
from eval.datasets.samples import Sample

__all__ = ["Leak", "TalkIndex", "leak_between", "look_alikes_across"]

_SHOWN = 5
_Keys = NDArray[np.uint64]


@dataclass(slots=True)
class TalkIndex:
    """What was said in a split, as numbers: 8 bytes a row and a pair of utterances."""

    ids: list[str] = field(default_factory=list)
    texts: "array[int]" = field(default_factory=lambda: array("Q"))
    pairs: "array[int]" = field(default_factory=lambda: array("Q"))
    pairs_of: "array[int]" = field(default_factory=lambda: array("L"))

    def add(self, sample: Sample) -> None:
        """Take one row in."""
        talk = sample.conversation
        self.ids.append(talk.id)
        self.texts.append(text_key(talk))
        found = list(pair_keys(talk))
        self.pairs.extend(found)
        self.pairs_of.append(len(found))


@dataclass(frozen=True, slots=True)
class Leak:
    """What of one split stands in another too.

    Attributes:
        split, within: rows of `split` are looked up in `within`.
        rows: of `split`.
        same_conversation: rows in which exactly the same was said.
        shared_turns: rows that share two utterances in a row (`eval.curation.talk.pair_keys`): parts of one
            dialogue, as a rule.
        same_id: rows with the same id.
        unseen_rows: rows whose sticker was never sent in `within`.
        unseen_stickers: how many stickers those are.
        like_seen: of these, stickers that look like one that was sent in `within`, and so are not unseen.
        examples: ids of rows in which the same was said, or that share turns.
    """

    split: str
    within: str
    rows: int
    same_conversation: int
    shared_turns: int
    same_id: int
    unseen_rows: int
    unseen_stickers: int
    like_seen: int | None = None
    examples: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


def leak_between(
    split: str,
    within: str,
    talk: TalkIndex,
    other: TalkIndex,
    sent: Mapping[str, int],
    other_sent: Mapping[str, int],
    alike: Mapping[str, frozenset[str]] | None,
) -> Leak:
    """Look up the rows of a split in another.

    Args:
        sent, other_sent: how often each sticker was.
        alike: of every sticker that has look-alikes, all of them; None where images were not looked at.
    """
    same = np.isin(_array(talk.texts), np.unique(_array(other.texts)))
    shared = _any_of(np.isin(_array(talk.pairs), np.unique(_array(other.pairs))), talk.pairs_of)
    unseen = [id_ for id_ in sent if id_ not in other_sent]
    like_seen = None
    if alike is not None:
        like_seen = sum(any(one in other_sent for one in alike.get(id_, ())) for id_ in unseen)
    found = np.flatnonzero(same | shared)[:_SHOWN].tolist()
    return Leak(
        split,
        within,
        len(talk.ids),
        int(same.sum()),
        int(shared.sum()),
        len(set(talk.ids) & set(other.ids)),
        sum(sent[id_] for id_ in unseen),
        len(unseen),
        like_seen,
        tuple(talk.ids[at] for at in found),
    )


def look_alikes_across(
    groups: Sequence[Sequence[int]], looks: Sequence[Look], sides: Mapping[str, frozenset[str]]
) -> tuple[int, int, tuple[tuple[str, ...], ...]]:
    """Groups of one image of which each of two sides has its own copy: by bytes, by looks, the first few.

    Args:
        groups: of `eval.curation.looks.alike`.
        sides: of a sticker, the splits that it is in.
    """
    exact = near = 0
    shown: list[tuple[str, ...]] = []
    for group in groups:
        ids = [looks[at].id for at in group]
        on = [sides.get(id_, frozenset[str]()) for id_ in ids]
        if not any(one and other and not one & other for one, other in combinations(on, 2)):
            continue
        if len({looks[at].sha256 for at in group}) == 1:
            exact += 1
        else:
            near += 1
        if len(shown) < _SHOWN:
            shown.append(tuple(ids))
    return exact, near, tuple(shown)


def _array(keys: "array[int]") -> _Keys:
    return np.frombuffer(keys, np.uint64) if keys else np.empty(0, np.uint64)


def _any_of(flags: NDArray[np.bool_], counts: Sequence[int]) -> NDArray[np.bool_]:
    """For rows with `counts` flags each, whether any is set."""
    row = np.repeat(np.arange(len(counts)), np.asarray(counts, np.int64))
    return np.asarray(np.bincount(row[flags], minlength=len(counts)) > 0)
