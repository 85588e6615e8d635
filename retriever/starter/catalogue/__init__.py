"""The starter pack's ideas, written by hand: one TOML file a character, one sticker a line.

Keys of a line: ``mood`` (emotion/intention), ``face``, ``arms`` and ``posture`` (keys of the tables in
`retriever.starter.draw`), ``effects`` (keys, space-separated), ``caption`` (the words on the sticker), ``motion`` and
``container`` (animated stickers), ``emoji``, ``en`` and ``zh`` (names), ``words_en`` and ``words_zh`` (keywords).
"""

# ruff: noqa: E501 - a row of a table, or an outline, stays on one line

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from retriever.starter.draw.characters import CHARACTERS
from retriever.starter.draw.spec import StickerSpec

__all__ = ["catalogue"]


@cache
def catalogue() -> tuple[StickerSpec, ...]:
    """Every sticker of the shipped pack, character by character."""
    return tuple(_spec(character, slug, line) for character in CHARACTERS for slug, line in _lines(character))


def _lines(character: str) -> list[tuple[str, Mapping[str, Any]]]:
    text = (Path(__file__).parent / f"{character}.toml").read_text(encoding="utf-8")
    return list(tomllib.loads(text).items())


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _spec(character: str, slug: str, line: Mapping[str, Any]) -> StickerSpec:
    emotion, _, intention = line["mood"].partition("/")
    return StickerSpec(
        slug=slug,
        character=character,
        emotion=emotion,
        intention=intention,
        expression=line["face"],
        gesture=line.get("arms", "none"),
        posture=line.get("posture", "standing"),
        effects=tuple(line.get("effects", "").split()),
        caption=line.get("caption", ""),
        motion=line.get("motion"),
        container=line.get("container", "webp"),
        emoji=line["emoji"],
        name={"en": line["en"], "zh": line["zh"]},
        keywords={"en": _words(line["words_en"]), "zh": _words(line["words_zh"])},
    )
