"""Gua, a green frog: eyes on top, a very wide mouth, spindly limbs."""

# ruff: noqa: E501 - a row of a table, or an outline, stays on one line

from __future__ import annotations

from retriever.starter.draw.canvas import Drawing
from retriever.starter.draw.geometry import Points, ellipse, spline
from retriever.starter.draw.palette import Palette
from retriever.starter.draw.rig import Face, Rig

__all__ = ["Frog"]


class Frog(Rig):
    """The frog."""

    key = "gua"
    hand_word = "hand"
    palette = Palette.of("#7fc950", "#5fae3c", "#eef7b6", "#4f9a35", "#1f3d24", "#ff9e8a", "#2f9e44")
    face = Face(36, -37, 10, 11, 10, 1.55, 52, 10, white_eyes=True)
    head_rx, head_ry, head_y = 72.0, 45.0, -34.0
    body_rx, body_ry, body_y = 42.0, 40.0, 34.0
    shoulder = (34.0, 18.0)
    arm_width = 14.0
    hand = 12.5
    foot = (27.0, 74.0)
    foot_size = (22.0, 9.5)
    chest_y = 30.0
    corner = (70.0, -66.0)
    gloss = (-58.0, -14.0)

    def head_outline(self) -> Points:
        """Wide and low, with two bumps for the eyes."""
        right = [(0, -34), (10, -36), (16, -52), (36, -61), (56, -50), (60, -32), (73, -8), (72, 16), (54, 38), (22, 45), (0, 46)]  # fmt: skip
        left = [(-x, y) for x, y in reversed(right[1:-1])]
        return spline(right + left, n=7)

    def head(self, d: Drawing, p: Palette) -> None:
        """The head, its pale chin and two nostrils."""
        outline = self.head_outline()
        d.shape(outline, p.main)
        d.fill(ellipse(0, 50, 62, 30), p.light, outline)
        for x, y, r in ((-62, -12, 5), (-54, -22, 3), (62, -14, 4), (14, -24, 3), (4, -18, 2)):
            d.fill(ellipse(x, y, r, r * 0.8), p.shade, outline)
        d.line(outline, 3.2, closed=True)

    def nose(self, d: Drawing, p: Palette) -> None:
        """Nostrils."""
        for x in (-6, 6):
            d.fill(ellipse(x, -7, 2.2, 1.7), p.mark)

    def foot_colour(self, p: Palette) -> tuple[int, int, int] | tuple[int, int, int, int]:
        """Feet are a little darker."""
        return p.shade

    def landmark(self, name: str) -> tuple[float, float]:
        """Hands go beside the eyes, not over them."""
        near = {
            "top": (63.0, -66.0),
            "brow": (62.0, -62.0),
            "high": (80.0, -86.0),
            "nose": (0.0, -36.0),
            "wipe": (62.0, -44.0),
        }
        return near.get(name) or super().landmark(name)
