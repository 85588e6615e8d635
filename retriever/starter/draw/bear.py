"""Bobo, a brown bear: round ears, a big muzzle, a red scarf."""

from __future__ import annotations

from retriever.starter.draw.canvas import Drawing
from retriever.starter.draw.geometry import ellipse, rounded_rect, spline
from retriever.starter.draw.palette import Palette
from retriever.starter.draw.rig import Face, Rig

__all__ = ["Bear"]


class Bear(Rig):
    """The bear."""

    key = "bobo"
    palette = Palette.of("#b9794a", "#9c6038", "#f6dfbd", "#e04b4b", "#3d2418", "#f58a7a", "#d7422f")
    face = Face(25, -5, 7.5, 9, 25, 0.92, 46, 16)
    head_rx, head_ry, head_y = 63.0, 56.0, -42.0
    body_rx, body_ry, body_y = 50.0, 46.0, 34.0
    shoulder = (41.0, 16.0)
    arm_width = 23.0
    hand = 15.5
    foot = (26.0, 76.0)
    foot_size = (19.0, 12.0)

    def behind(self, d: Drawing, p: Palette) -> None:
        """Two round ears."""
        for side in (-1, 1):
            d.shape(ellipse(side * 47, -43, 22, 22), p.main)
            d.fill(ellipse(side * 48, -43, 12, 12), p.light)

    def head(self, d: Drawing, p: Palette) -> None:
        """A round head, darker below."""
        outline = self.head_outline()
        d.shape(outline, p.main)
        d.fill(ellipse(0, 66, 84, 26), p.shade, outline)
        d.line(outline, 3.2, closed=True)

    def nose(self, d: Drawing, p: Palette) -> None:
        """A cream muzzle and a dark nose."""
        d.fill(ellipse(0, 22, 31, 25), p.light)
        d.fill(spline([(-10, 5), (0, 2), (10, 5), (6, 13), (0, 16), (-6, 13)], n=6), p.ink)
        d.fill(ellipse(-3, 6, 3, 1.8), (255, 255, 255))

    def torso(self, d: Drawing, p: Palette) -> None:
        """The belly and the scarf."""
        super().torso(d, p)
        tail = spline([(12, 14), (28, 14), (31, 44), (14, 46)], n=6)
        d.shape(tail, p.mark, 4.2)
        d.shape(rounded_rect(-38, 4, 38, 20, 8), p.mark, 4.2)

    def landmark(self, name: str) -> tuple[float, float]:
        """Raised hands clear the ears."""
        near = {"high": (78.0, -98.0)}
        return near.get(name) or super().landmark(name)
