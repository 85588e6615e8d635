"""From a spec to the row of ``stickers.jsonl`` that describes it, in the native pack format."""

from __future__ import annotations

from typing import Any

from retriever.starter.draw.characters import CHARACTERS
from retriever.starter.draw.effects import EFFECTS
from retriever.starter.draw.expressions import EXPRESSIONS
from retriever.starter.draw.gestures import GESTURES
from retriever.starter.draw.postures import POSTURES
from retriever.starter.draw.spec import StickerSpec

__all__ = ["LICENSE", "sticker_row"]

LICENSE = "Apache-2.0"
KIND = {"momo": "cat", "bobo": "bear", "gua": "frog", "pippo": "penguin", "bao": "steamed bun"}


def sticker_row(spec: StickerSpec, pack: str, image: str) -> dict[str, Any]:
    """The native row of `spec`.

    Args:
        pack: the pack it belongs to.
        image: where its image lies, relative to ``stickers.jsonl``.
    """
    rig = CHARACTERS[spec.character]
    posture = POSTURES[spec.posture]
    gesture = GESTURES[spec.gesture].phrase if posture.arms else posture.hands
    attributes = {
        "gesture": gesture.replace("{hand}", rig.hand_word),
        "posture": posture.phrase,
        "facial_expression": EXPRESSIONS[spec.expression].phrase,
        "verbal": spec.caption,
    }
    return {
        "id": f"{pack}/{spec.slug}",
        "image": image,
        "pack": pack,
        "emoji": spec.emoji or None,
        "emotion": spec.emotion,
        "intention": spec.intention,
        "name": dict(spec.name),
        "keywords": {language: list(words) for language, words in spec.keywords.items()},
        "tags": [KIND[spec.character], *(["animated"] if spec.motion else []), *spec.effects],
        "attributes": attributes,
        "description": _describe(spec, attributes),
        "license": LICENSE,
    }


def _describe(spec: StickerSpec, attributes: dict[str, str]) -> str:
    """One English sentence: who, doing what, with which face, words and marks."""
    kind = KIND[spec.character]
    doing = attributes["posture"]
    if attributes["gesture"] and spec.gesture != "none":
        doing = f"{doing}, {attributes['gesture']}" if doing != "standing" else attributes["gesture"]
    parts = [f"{spec.character.capitalize()} the {kind} is {doing}, with {attributes['facial_expression']}"]
    if spec.effects:
        parts.append("; around it: " + ", ".join(EFFECTS[key][0] for key in spec.effects))
    if spec.caption:
        parts.append(f'; it says "{spec.caption}"')
    return "".join(parts) + "."
