"""Which stickers of a library may be picked: by pack, emotion, intention, tag or id."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from difflib import get_close_matches

import numpy as np
from numpy.typing import NDArray

from retriever.errors import InputError
from retriever.types import Sticker

__all__ = ["FilterIndex", "Filters"]

Mask = NDArray[np.bool_]

_MOST_LISTED = 12
_MOST_COMPARED = 2000


@dataclass(frozen=True, slots=True)
class Filters:
    """What a pick must be: one of the values given of each field; an empty field allows everything.

    Emotions, intentions and tags are compared in lower case, packs and ids exactly.

    Raises:
        InputError: a field is a single string, or holds something that is not one.
    """

    packs: Sequence[str] = ()
    emotions: Sequence[str] = ()
    intentions: Sequence[str] = ()
    tags: Sequence[str] = ()
    ids: Sequence[str] = ()

    def __post_init__(self) -> None:
        for field in fields(self):
            values: object = getattr(self, field.name)
            if isinstance(values, str) or not isinstance(values, Iterable):
                raise InputError(f"{field.name} is {values!r}; expected a list of texts")
            values = tuple(values)
            for value in values:
                if not isinstance(value, str):
                    raise InputError(f"{field.name} holds {value!r}; expected texts")
            object.__setattr__(self, field.name, values)

    def __bool__(self) -> bool:
        """Whether anything is filtered at all."""
        return any(getattr(self, field.name) for field in fields(self))

    def mask(self, stickers: Sequence[Sticker]) -> Mask:
        """Who may be picked, shape ``(len(stickers),)``; for more than one question keep a `FilterIndex`.

        Raises:
            InputError: a value that no sticker has.
        """
        return FilterIndex(stickers).mask(self)


class FilterIndex:
    """The rows of every pack, emotion, intention, tag and id of a library, read once, on first use."""

    def __init__(self, stickers: Sequence[Sticker]) -> None:
        self._stickers = stickers
        self._rows: dict[str, dict[str, list[int]]] = {}

    def mask(self, filters: Filters) -> Mask:
        """Who may be picked, shape ``(n,)``: True where every field that is given matches; may be all False.

        Raises:
            InputError: a value that no sticker has; names the close ones, or what there is.
        """
        allowed = np.ones(len(self._stickers), dtype=np.bool_)
        for field, (singular, _, normal) in _FIELDS.items():
            wanted: tuple[str, ...] = getattr(filters, field)
            if wanted:
                rows = self._rows_of(field)
                matching = np.zeros_like(allowed)
                for value in wanted:
                    if normal(value) not in rows:
                        raise InputError(
                            f"no sticker has the {singular} {value!r}; {_advice(normal(value), list(rows))}"
                        )
                    matching[rows[normal(value)]] = True
                allowed &= matching
        return allowed

    def values(self, field: str) -> dict[str, int]:
        """How many stickers have each value of `field` (``packs``, ``tags``, ...), in library order of
        first use.

        Raises:
            InputError: no such field.
        """
        if field not in _FIELDS:
            raise InputError(f"no filter {field!r}; there are {', '.join(_FIELDS)}")
        return {value: len(rows) for value, rows in self._rows_of(field).items()}

    def _rows_of(self, field: str) -> dict[str, list[int]]:
        if not self._rows:
            rows: dict[str, dict[str, list[int]]] = {name: {} for name in _FIELDS}
            for row, sticker in enumerate(self._stickers):  # may parse every sticker: once for all fields
                for name, (_, read, normal) in _FIELDS.items():
                    for value in dict.fromkeys(normal(text) for text in read(sticker)):
                        rows[name].setdefault(value, []).append(row)
            self._rows = rows
        return self._rows[field]


def _known(text: str | None) -> tuple[str, ...]:
    return (text,) if text else ()


def _fold(text: str) -> str:
    return text.strip().lower()


_FIELDS: dict[str, tuple[str, Callable[[Sticker], Iterable[str]], Callable[[str], str]]] = {
    "packs": ("pack", lambda sticker: (sticker.pack,), str),
    "emotions": ("emotion", lambda sticker: _known(sticker.emotion), _fold),
    "intentions": ("intention", lambda sticker: _known(sticker.intention), _fold),
    "tags": ("tag", lambda sticker: sticker.tags, _fold),
    "ids": ("id", lambda sticker: (sticker.id,), str),
}


def _advice(wanted: str, existing: list[str]) -> str:
    """What to ask for instead; compares at most `_MOST_COMPARED` values, those that begin alike."""
    if not existing:
        return "no sticker has any"
    pool = existing
    if len(pool) > _MOST_COMPARED:
        pool = [value for value in existing if value[:2] == wanted[:2]][:_MOST_COMPARED]
    folded = {value.lower(): value for value in pool}
    close = [folded[match] for match in get_close_matches(wanted.lower(), folded, n=3)]
    if close:
        return f"did you mean {' or '.join(map(repr, close))}?"
    listed = ", ".join(sorted(existing)[:_MOST_LISTED])
    more = len(existing) - _MOST_LISTED
    return f"there are {listed}" + (f" and {more} more" if more > 0 else "")
