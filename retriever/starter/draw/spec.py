"""What one sticker shows, as data: the drawing and the annotations both come from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Look", "StickerSpec"]


@dataclass(frozen=True, slots=True)
class Look:
    """Small changes that tell generated stickers apart; the shipped pack uses the default.

    Attributes:
        hue: turn of the coat's colour, a share of the colour circle.
        brightness, saturation: factors on the coat.
        tilt: of the head, degrees.
        lean: of the whole figure, degrees.
        plump: width over height of the figure, 1 as designed.
    """

    hue: float = 0.0
    brightness: float = 1.0
    saturation: float = 1.0
    tilt: float = 0.0
    lean: float = 0.0
    plump: float = 1.0


@dataclass(frozen=True, slots=True)
class StickerSpec:
    """One sticker.

    Attributes:
        slug: its name within the pack, ``thumbs-up``.
        character: a key of `characters.CHARACTERS`.
        emotion, intention: of `retriever.labels`.
        expression, gesture, posture: keys of the tables in `retriever.starter.draw`.
        effects: keys of `effects.EFFECTS`.
        caption: the words drawn under the figure or on its sign, ``""`` for none.
        motion: a key of `motion.MOTIONS`, or None for a still sticker.
        container: gif, webp or png; what an animated sticker is saved as.
        name, keywords: by language code.
    """

    slug: str
    character: str
    emotion: str
    intention: str
    expression: str
    gesture: str = "none"
    posture: str = "standing"
    effects: tuple[str, ...] = ()
    caption: str = ""
    motion: str | None = None
    container: str = "webp"
    emoji: str = ""
    name: Mapping[str, str] = field(default_factory=dict)
    keywords: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    look: Look = field(default_factory=Look)
