"""A picture of a whole pack."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw

from retriever.errors import InputError
from retriever.starter.tiles import INK, TILE_COLOURS, paste_tile, save_png
from retriever.starter.typesetting import draw_text, text_width, wrap
from retriever.types import Sticker

__all__ = ["pack_sheet"]

LABEL, PAD, GAP = 13, 20, 12


def pack_sheet(
    stickers: Sequence[Sticker], path: Path, columns: int = 10, tile: int = 112, colours: int | None = None
) -> None:
    """Write a PNG grid of `stickers`, each with its name; packs differ in the colour of their tiles.

    Args:
        columns: stickers in a row.
        tile: pixels a side.
        colours: size of the PNG's palette, to keep it small; None keeps all colours.

    Raises:
        InputError: there is no sticker, or `columns` or `tile` is too small.
    """
    if not stickers:
        raise InputError("no sticker to draw; give at least one")
    if columns < 1 or tile < 16:
        raise InputError(f"columns is {columns} and tile {tile}; expected at least 1 and 16")
    packs = list(dict.fromkeys(sticker.pack for sticker in stickers))
    columns = min(columns, len(stickers))
    rows = -(-len(stickers) // columns)
    step = tile + GAP
    high = step + LABEL + 8
    sheet = Image.new("RGB", (2 * PAD + columns * step - GAP, 2 * PAD + rows * high - GAP), "#ffffff")
    pen = ImageDraw.Draw(sheet)
    for i, sticker in enumerate(stickers):
        x, y = PAD + i % columns * step, PAD + i // columns * high
        paste_tile(
            sheet, sticker.path, (x, y), tile, TILE_COLOURS[packs.index(sticker.pack) % len(TILE_COLOURS)]
        )
        size = next((size for size in range(LABEL, 9, -1) if text_width(sticker.label, size) <= tile), 10)
        line = wrap(sticker.label, size, tile, 1)[0]
        draw_text(pen, (x + tile / 2, y + tile + 4 + LABEL), line, size, INK, "ms")
    save_png(sheet, path, colours)
