"""Which queries were cut out of one dialogue: they are not independent, and are resampled together."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from retriever.errors import InputError

__all__ = ["Resample", "Unit", "clusters_of", "dialogue_groups", "unit_of"]

Ints = NDArray[np.int64]

Unit = Literal["dialogue", "query"]
"""What intervals and tests draw: whole dialogues, or single queries."""

Resample = Literal["auto", "dialogue", "query"]
"""What may be asked for; ``auto``: dialogues, where one has several queries."""

_FEWEST_GROUPS = 20
_LARGEST_GROUP = 0.1
_PARTS = re.compile(r"[-_/.:#]+")


def dialogue_groups(ids: Sequence[str], dialogues: Sequence[str | None]) -> Ints:
    """Numbers of the dialogues that queries were cut from, ``(q,)``.

    By what the data say; else by ids: the shortest beginning of all ids, cut at punctuation, that leaves at
    least 20 groups, none with more than a tenth of the queries (``meld-dev-12-3``: ``meld-dev-12``). Where
    there is none, every query is its own group.

    Args:
        ids: of the queries.
        dialogues: what the data say of each, or None.
    """
    if any(dialogue is not None for dialogue in dialogues):
        pairs = zip(ids, dialogues, strict=True)
        return _numbered([f"\0{id_}" if dialogue is None else dialogue for id_, dialogue in pairs])
    parts = [_PARTS.split(id_) for id_ in ids]
    for length in range(1, max(map(len, parts), default=0)):
        starts = ["\0".join(part[:length]) if len(part) > length else "\0".join(part) for part in parts]
        sizes = Counter(starts)
        if len(sizes) >= _FEWEST_GROUPS and max(sizes.values()) <= max(1, _LARGEST_GROUP * len(ids)):
            return _numbered(starts)
    return _numbered(ids)


def unit_of(wanted: Resample, groups: Ints) -> Unit:
    """What is resampled.

    Args:
        groups: of the queries, as `dialogue_groups` numbers them.

    Raises:
        InputError: dialogues were asked for, and all queries are of one.
    """
    n = len(np.unique(groups))
    if wanted == "dialogue" and n < 2 <= len(groups):
        raise InputError(
            f"all {len(groups)} queries are of one dialogue, which leaves nothing to resample; "
            "take --resample query"
        )
    return "dialogue" if wanted == "dialogue" or (wanted == "auto" and 1 < n < len(groups)) else "query"


def clusters_of(groups: Ints, rows: Ints) -> Ints | None:
    """The dialogues of some of the queries; None where they are all of one, and queries have to be drawn."""
    found = groups[rows]
    return found if len(np.unique(found)) > 1 else None


def _numbered(names: Sequence[str]) -> Ints:
    number: dict[str, int] = {}
    return np.array([number.setdefault(name, len(number)) for name in names], dtype=np.int64)
