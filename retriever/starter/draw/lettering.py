"""Captions: each letter is set by itself, turned a little, with a contour."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from retriever.starter.draw.canvas import Colour, Drawing, Glyph
from retriever.starter.draw.geometry import Affine, transform

__all__ = ["CAPTION_FONT", "can_write", "caption", "paint_glyph"]

CAPTION_FONT = Path(__file__).parent.parent / "fonts" / "zcool-kuaile-subset.ttf"


WHITE = (255, 255, 255)


@lru_cache(maxsize=64)
def _font(pixels: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(CAPTION_FONT), pixels)


def can_write(text: str) -> bool:
    """Whether the shipped caption font has a glyph for every letter of `text`."""
    font = _font(32)
    blank = bytes(font.getmask("\uffff"))
    return all(letter.isspace() or bytes(font.getmask(letter)) != blank for letter in text)


def caption(
    drawing: Drawing,
    text: str,
    centre: tuple[float, float],
    width: float,
    size: float,
    colour: Colour,
    rim: float = 0.0,
) -> None:
    """Record `text` on one line about `centre`, shrunk to `width` units, with a slight bounce.

    Args:
        size: height of a letter in units when there is room.
        rim: width of the white rim that keeps the letters off what lies behind them, units.
    """
    font = _font(100)
    advances = [font.getlength(letter) / 100 for letter in text]
    total = sum(advances) + 0.04 * max(len(text) - 1, 0)
    size = min(size, width / max(total, 0.1))
    x = centre[0] - total * size / 2
    for i, (letter, advance) in enumerate(zip(text, advances, strict=True)):
        middle = x + advance * size / 2
        wobble = (-1) ** i
        drawing.glyph(
            Glyph(letter, (middle, centre[1] + wobble * size * 0.035), size, wobble * 4.0, colour,
                  WHITE, rim, (advance * size / 2 + rim + 2, size * 0.5 + rim))
        )  # fmt: skip
        x += (advance + 0.04) * size


def paint_glyph(image: Image.Image, glyph: Glyph, matrix: Affine, factor: float, part: str) -> None:
    """Paint one recorded letter's ``rim`` or ``face`` onto the supersampled picture."""
    if glyph.text.isspace() or (part == "rim" and not glyph.outline_width):
        return
    pixels = max(4, round(glyph.size * factor))
    stroke = max(1, round(pixels * 0.02))
    if part == "rim":
        stroke += round(glyph.outline_width * factor)
    box = pixels * 2
    mask = Image.new("L", (box, box), 0)
    pen = ImageDraw.Draw(mask)
    pen.text((box / 2, box / 2), glyph.text, fill=255, font=_font(pixels), anchor="mm", stroke_width=stroke)
    mask = mask.rotate(-glyph.angle, Image.Resampling.BILINEAR)
    x, y = transform(np.array([glyph.centre]), matrix)[0]
    colour = glyph.outline if part == "rim" else glyph.colour
    image.paste((*colour[:3], 255), (round(x - box / 2), round(y - box / 2)), mask)
