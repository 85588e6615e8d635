"""Walks over image files without decoding a pixel: size, frames and durations, and whether the file is whole.

Pillow is forgiving where a pack reader must not be: a truncated GIF just has fewer frames, half an APNG still
shows its first. Each walker here follows its format's own lengths to the end and says what is missing.
"""

from retriever.packs.structure.gif import walk_gif
from retriever.packs.structure.header import Header
from retriever.packs.structure.jpeg import walk_jpeg
from retriever.packs.structure.png import walk_png
from retriever.packs.structure.webp import walk_webp

__all__ = ["Header", "walk_gif", "walk_jpeg", "walk_png", "walk_webp"]
