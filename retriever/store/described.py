"""What OCR and language models wrote about a sticker, merged with what its pack says."""

from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from typing import Any

from retriever.types import Attributes, Sticker

_ATTRIBUTES = tuple(field.name for field in fields(Attributes))
_SINGLE = ("description", "emotion", "intention")

Described = Mapping[str, Any]
"""A row of the attributes journal.

Keys: ``sha256`` (image), ``engine``, ``model``, ``prompt`` (hash), ``time``, ``attributes`` (any of the
four), and optionally ``description``, ``emotion``, ``intention``.
"""


def is_described(row: Mapping[str, Any]) -> bool:
    """Whether `row` can stand in the attributes journal: its hash and all that it says are text."""
    attributes = row.get("attributes", {})
    return (
        isinstance(row.get("sha256"), str)
        and isinstance(attributes, dict)
        and all(isinstance(value, str | None) for value in attributes.values())
        and all(isinstance(row.get(name), str | None) for name in _SINGLE)
    )


def collect(rows: Iterable[Described]) -> dict[str, dict[str, Any]]:
    """The latest non-empty value of every field, by image hash.

    OCR reads letters and nothing else, so what a model wrote about the words in the picture replaces it,
    whichever came later.
    """
    found: dict[str, dict[str, Any]] = {}
    for row in sorted(rows, key=lambda row: row.get("engine") != "ocr"):
        known = found.setdefault(row["sha256"], {})
        for name in _ATTRIBUTES:
            if value := row.get("attributes", {}).get(name):
                known[name] = value
        for name in _SINGLE:
            if value := row.get(name):
                known[name] = value
    return found


def merge(sticker: Sticker, described: Mapping[str, Any]) -> Sticker:
    """`sticker` with its empty fields filled; what the pack itself says always stays."""
    if not described:
        return sticker
    attributes = Attributes(
        **{name: getattr(sticker.attributes, name) or described.get(name, "") for name in _ATTRIBUTES}
    )
    single = {
        name: getattr(sticker, name) or described.get(name) or getattr(sticker, name) for name in _SINGLE
    }
    return replace(sticker, attributes=attributes, **single)
