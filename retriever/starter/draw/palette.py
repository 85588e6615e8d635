"""Colours: one palette a character, and the colourways that the generator varies."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass, fields

from retriever.starter.draw.canvas import Colour

__all__ = [
    "BLUE", "GOLD", "GREEN", "GREY", "PINK", "PURPLE", "RED", "SKY", "WHITE", "Palette", "hex_colour",
    "recolour",
]  # fmt: skip


def hex_colour(text: str) -> tuple[int, int, int]:
    """``"#ff8800"`` as (255, 136, 0)."""
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


RED, PINK, GOLD = hex_colour("#f43f5e"), hex_colour("#ff8fab"), hex_colour("#ffc93c")
BLUE, SKY, GREY = hex_colour("#4aa3ff"), hex_colour("#a5dcff"), hex_colour("#9aa6b8")
GREEN, PURPLE, WHITE = hex_colour("#51cf66"), hex_colour("#9775fa"), (255, 255, 255)
"""Colours of props and effects, the same for every character."""


@dataclass(frozen=True, slots=True)
class Palette:
    """What a character is painted with.

    Attributes:
        main, shade, light: coat, its shadow, belly or muzzle.
        mark: patches, ears' inside, beak.
        ink: contours.
        blush: cheeks.
        accent: captions and small props.
    """

    main: Colour
    shade: Colour
    light: Colour
    mark: Colour
    ink: Colour
    blush: Colour
    accent: Colour

    @classmethod
    def of(cls, *colours: str) -> Palette:
        """A palette from hex strings in the order of the fields."""
        return cls(*(hex_colour(colour) for colour in colours))


def recolour(palette: Palette, hue: float, brightness: float = 1.0, saturation: float = 1.0) -> Palette:
    """`palette` with its coat turned by `hue` (a share of the colour circle); contour and blush stay."""

    def turn(colour: Colour) -> Colour:
        h, s, v = colorsys.rgb_to_hsv(*(c / 255 for c in colour[:3]))
        r, g, b = colorsys.hsv_to_rgb((h + hue) % 1.0, min(1.0, s * saturation), min(1.0, v * brightness))
        return round(r * 255), round(g * 255), round(b * 255)

    kept = {"ink", "blush", "light"}
    values = {f.name: getattr(palette, f.name) for f in fields(palette)}
    return Palette(**{name: value if name in kept else turn(value) for name, value in values.items()})
