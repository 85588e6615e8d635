"""Stickers on coloured tiles, as the sheets show them."""

from __future__ import annotations

import logging
from pathlib import Path

from PIL import Image, ImageDraw

from retriever.starter.typesetting import draw_text, wrap

__all__ = ["TILE_COLOURS", "paste_tile", "rounded", "save_png"]

logger = logging.getLogger(__name__)
TILE_COLOURS = ("#d7ecff", "#ffe3ea", "#e0f5df", "#fff0cf", "#eae3ff", "#d8f3f1")
INK, FAINT = "#2b2d42", "#8d93a8"


def rounded(
    image: Image.Image, box: tuple[int, int, int, int], radius: int, fill: str, outline: str | None = None
) -> None:
    """A rectangle with smooth round corners, drawn at four times the size."""
    width, height = box[2] - box[0], box[3] - box[1]
    mask = Image.new("L", (width * 4, height * 4), 0)
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, width * 4 - 1, height * 4 - 1), radius * 4, fill=255)
    small = mask.resize((width, height), Image.Resampling.LANCZOS)
    if outline:
        image.paste(outline, (box[0], box[1]), small)
        inner = mask.resize((width - 2, height - 2), Image.Resampling.LANCZOS)
        image.paste(fill, (box[0] + 1, box[1] + 1), inner)
    else:
        image.paste(fill, (box[0], box[1]), small)


def paste_tile(sheet: Image.Image, path: str, at: tuple[int, int], side: int, colour: str) -> None:
    """The sticker at `path` on a square tile of `side` pixels; an unreadable one leaves its file name."""
    x, y = at
    rounded(sheet, (x, y, x + side, y + side), side // 9, colour)
    room = side - side // 14
    try:
        sticker = _first_frame(path)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        logger.warning("cannot draw %s: %s", path, error)
        pen = ImageDraw.Draw(sheet)
        for i, line in enumerate(wrap(Path(path).name, 13, room, 3)):
            draw_text(pen, (x + side / 2, y + side / 2 - 20 + 18 * i), line, 13, FAINT, "ma")
        return
    factor = min(room / sticker.width, room / sticker.height)
    size = max(1, round(sticker.width * factor)), max(1, round(sticker.height * factor))
    sticker = sticker.resize(size, Image.Resampling.LANCZOS)
    sheet.paste(sticker, (x + (side - size[0]) // 2, y + (side - size[1]) // 2), sticker)


def _first_frame(path: str) -> Image.Image:
    with Image.open(path) as image:
        image.seek(0)
        return image.convert("RGBA")


def save_png(sheet: Image.Image, path: Path, colours: int | None = None) -> None:
    """Write `sheet` as a PNG, whole or not at all; with `colours`, in a palette of so many."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    if colours:
        sheet = sheet.quantize(colours, Image.Quantize.MEDIANCUT, kmeans=2, dither=Image.Dither.NONE)
    part = path.with_name(f"{path.name}.part")
    sheet.save(part, "PNG", optimize=True)
    part.replace(path)
