"""Bao, a steamed bun: all head, a pleated top, tiny limbs."""

# ruff: noqa: E501 - a row of a table, or an outline, stays on one line

from __future__ import annotations

from retriever.starter.draw.canvas import Drawing
from retriever.starter.draw.geometry import Points, ellipse, quadratic, spline
from retriever.starter.draw.palette import Palette
from retriever.starter.draw.rig import Face, Rig

__all__ = ["Bun"]


class Bun(Rig):
    """The bun."""

    key = "bao"
    hand_word = "hand"
    palette = Palette.of("#fffaf0", "#f3dfc4", "#ffffff", "#e2b98a", "#5a3a2c", "#ffa0a8", "#e8590c")
    face = Face(26, -2, 7, 9.5, 17, 0.9, 46, 11)
    head_rx, head_ry, head_y = 80.0, 62.0, 4.0
    body_rx, body_ry, body_y = 72.0, 50.0, 12.0
    shoulder = (68.0, 26.0)
    arm_width = 16.0
    hand = 11.0
    chest_y = 50.0
    foot = (27.0, 72.0)
    foot_size = (15.0, 10.0)
    ground = 80.0
    has_body = False
    reach = 36.0
    gloss = (-56.0, -22.0)

    def head_outline(self) -> Points:
        """A dome that rises to a twisted tip."""
        right = [(0, -78), (9, -76), (13, -66), (28, -56), (54, -40), (74, -12), (80, 20), (70, 46), (42, 58), (0, 61)]  # fmt: skip
        left = [(-x, y) for x, y in reversed(right[1:-1])]
        return spline(right + left, n=7)

    def head(self, d: Drawing, p: Palette) -> None:
        """The dough with its pleats."""
        outline = self.head_outline()
        d.shape(outline, p.main)
        d.fill(ellipse(0, 70, 92, 26), p.shade, outline)
        for x in (-1, 1):
            d.line(quadratic((x * 7, -60), (x * 22, -50), (x * 30, -30)), 3.4, p.mark)
            d.line(quadratic((x * 20, -56), (x * 46, -40), (x * 54, -20)), 3.4, p.mark)
        d.line(quadratic((1, -64), (-3, -48), (0, -34)), 3.4, p.mark)
        d.line(quadratic((-9, -68), (0, -62), (9, -70)), 3.0)
        d.line(outline, 3.2, closed=True)

    def torso(self, d: Drawing, p: Palette) -> None:
        """The bun has no body of its own."""

    def back(self, d: Drawing, p: Palette) -> None:
        """Nor a back."""

    def landmark(self, name: str) -> tuple[float, float]:
        """Arms are short: they stay near the dough."""
        near = {"rest": (88.0, 52.0), "hip": (78.0, 50.0), "out": (104.0, 14.0), "side": (108.0, 16.0), "wide": (100.0, 10.0),
                "up": (98.0, -8.0), "high": (88.0, -42.0), "crown": (16.0, -86.0), "front": (56.0, 36.0)}  # fmt: skip
        return near.get(name) or super().landmark(name)
