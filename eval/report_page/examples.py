"""A few conversations on which systems disagree most: numbers become something to look at."""

import base64
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np

from eval.records import Record
from eval.report_page.findings import ProtocolFindings
from retriever.visible import visible

__all__ = ["Choice", "Example", "Thumbnails", "choose", "make_examples"]

_PIXELS = 112
_MOST_SYSTEMS = 8


@dataclass(frozen=True, slots=True)
class Choice:
    """What one system would have sent.

    Attributes:
        system: its name.
        sticker: the id of its first place.
        picture: a ``data:`` address, or "" where the picture cannot be shown.
        is_right: whether its first place is right.
        note: where it ranked the sticker that was sent, or "".
    """

    system: str
    sticker: str
    picture: str
    is_right: bool
    note: str


@dataclass(frozen=True, slots=True)
class Example:
    """One conversation.

    Attributes:
        query: its id.
        said: (speaker, words), oldest first.
        mode: ``reply`` or ``supplement``, or "".
        label: what decides relevance, or "".
        gold, gold_picture: what was really sent, "" where unknown.
        choices: by system.
    """

    query: str
    said: tuple[tuple[str, str], ...]
    mode: str
    label: str
    gold: str
    gold_picture: str
    choices: tuple[Choice, ...]


class Thumbnails:
    """Pictures of stickers as small WebP ``data:`` addresses, each made once.

    Args:
        path_of: a sticker's id to where its picture lies; ids that are not there have none.
    """

    def __init__(self, path_of: Mapping[str, Path] | Callable[[str], Path | None]) -> None:
        self._path_of = path_of.get if isinstance(path_of, Mapping) else path_of
        self._made: dict[str, str] = {}
        self.unreadable: list[str] = []

    def __call__(self, sticker: str) -> str:
        """The picture's address, or ""."""
        if sticker not in self._made:
            path = self._path_of(sticker)
            self._made[sticker] = "" if path is None else self._draw(sticker, path)
        return self._made[sticker]

    def _draw(self, sticker: str, path: Path) -> str:
        from PIL import Image

        from retriever.errors import StickerError
        from retriever.packs.decode import decode

        try:
            # the decoder puts a still frame on white, and refuses files that are not what they seem
            image = decode(path.read_bytes()).frames[0]
        except (OSError, StickerError):
            self.unreadable.append(sticker)
            return ""
        image = image.convert("RGB")
        image.thumbnail((_PIXELS, _PIXELS), Image.Resampling.LANCZOS)
        file = io.BytesIO()
        image.save(file, "WEBP", quality=72, method=4)
        return "data:image/webp;base64," + base64.b64encode(file.getvalue()).decode("ascii")


def choose(found: ProtocolFindings, count: int = 6) -> list[int]:
    """The places among all records of the queries on which the contenders differ most.

    Disagreement is the variance of the main measure over the contenders. Queries on which the leader is above
    the others' mean and those on which it is below take turns, and within each labels do; what is still equal
    stands in the order of the dataset.
    """
    if found.main is None:
        return []
    systems = [n for n in found.contenders if found.main in found.columns.values.get(n, {})]
    if not systems:
        return []
    table = np.nan_to_num(np.stack([found.columns.values[name][found.main] for name in systems]))
    spread = table.var(axis=0)
    order = [int(at) for at in np.argsort(-spread, kind="stable") if spread[at] > 0 or not spread.any()]
    ahead = table[0] >= table.mean(axis=0)
    halves = [
        _by_turns(found, [at for at in order if bool(ahead[at]) is side], count) for side in (True, False)
    ]
    mixed = [at for pair in zip_longest(*halves) for at in pair if at is not None]
    return [int(found.columns.rows[at]) for at in mixed[:count]]


def _by_turns(found: ProtocolFindings, order: Sequence[int], count: int) -> list[int]:
    """The first of each label, then the second of each, and so on, among the first few hundred."""
    seen: dict[str | None, int] = {}
    turns = []
    for place, at in enumerate(order[: 50 * count]):
        label = found.columns.labels[at]
        seen[label] = seen.get(label, 0) + 1
        turns.append((seen[label], place, at))
    return [at for _, _, at in sorted(turns)[:count]]


def make_examples(
    records: Iterable[Record],
    places: Sequence[int],
    found: ProtocolFindings,
    thumbnails: Thumbnails,
) -> list[Example]:
    """The chosen records as examples, in the order chosen; records are read up to the last of them."""
    wanted = set(places)
    read: dict[int, Record] = {}
    for at, record in enumerate(records):
        if at in wanted:
            read[at] = record
            if len(read) == len(wanted):
                break
    return [_example(read[at], found, thumbnails) for at in places if at in read]


def _example(record: Record, found: ProtocolFindings, thumbnails: Thumbnails) -> Example:
    facts = record.get("facts") or {}
    entry = record["protocols"][found.result.protocol]
    gold = facts.get("gold") or next(iter(entry.get("gold") or ()), "")
    references = [s.name for s in found.result.systems if s.name not in found.contenders]
    names = [*found.contenders[:_MOST_SYSTEMS], *references[:1]]
    return Example(
        query=visible(record["id"], 60),
        said=tuple((visible(who, 30), visible(text, 300)) for who, text in facts.get("said") or ()),
        mode=facts.get("mode") or "",
        label=visible(entry.get("label") or "", 40),
        gold=visible(gold, 60),
        gold_picture=thumbnails(gold) if gold else "",
        choices=tuple(
            choice for name in names if (choice := _choice(name, entry, gold, found, thumbnails)) is not None
        ),
    )


def _choice(
    system: str, entry: Mapping[str, Any], gold: str, found: ProtocolFindings, thumbnails: Thumbnails
) -> Choice | None:
    top = (entry.get("top") or {}).get(system)
    values = entry["values"].get(system)
    if not top or values is None or found.main is None:
        return None
    tied = sum(score == top[0][1] for _, score in top)
    rank = (entry.get("rank") or {}).get(system)
    # of places that are tied, the first is one of several: right only in the mean
    right = top[0][0] == gold if found.result.n_relevant <= 1 else values[found.main] >= 0.5
    notes = []
    if tied > 1:
        notes.append(f"tied with {tied - 1}" + (" or more" if tied == len(top) else ""))
    if rank is not None and top[0][0] != gold:
        notes.append(f"sent one: rank {rank:g}")
    return Choice(visible(system, 40), visible(top[0][0], 60), thumbnails(top[0][0]), right, "; ".join(notes))
