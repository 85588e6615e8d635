"""Momo, a cream cat with a ginger patch: pointed ears, whiskers, a curling tail."""

from __future__ import annotations

from retriever.starter.draw.canvas import Drawing
from retriever.starter.draw.geometry import ellipse, mirror, quadratic, spline
from retriever.starter.draw.palette import Palette
from retriever.starter.draw.rig import Face, Rig

__all__ = ["Cat"]


class Cat(Rig):
    """The cat."""

    key = "momo"
    palette = Palette.of("#fff3dc", "#f2d9b4", "#ffffff", "#f7a64a", "#4a2f2a", "#ff9d96", "#f0732c")
    face = Face(28, 4, 9, 12, 23, 1.0, 45, 21)
    head_rx, head_ry, head_y = 70.0, 55.0, -44.0
    body_rx, body_ry, body_y = 39.0, 44.0, 36.0

    def behind(self, d: Drawing, p: Palette) -> None:
        """Two ears, one ginger."""
        ear = spline([(16, -44), (34, -66), (58, -84), (64, -58), (66, -24), (40, -20)], n=8)
        inner = spline([(33, -46), (46, -62), (55, -69), (57, -52), (57, -34)], n=8)
        for outline, inside, colour in ((ear, inner, p.mark), (mirror(ear), mirror(inner), p.main)):
            d.shape(outline, colour)
            d.fill(inside, p.blush)

    def head(self, d: Drawing, p: Palette) -> None:
        """A wide head with a ginger patch over one eye and three stripes."""
        outline = self.head_outline()
        d.shape(outline, p.main)
        patch = spline([(14, -70), (22, -40), (34, -20), (52, -16), (84, -20), (80, -70)], n=8)
        d.fill(patch, p.mark, outline)
        d.fill(ellipse(0, 62, 90, 24), p.shade, outline)
        for x, length in ((-12, 12), (0, 17), (12, 12)):
            d.line(quadratic((x, -52), (x, -46), (x * 0.8, -52 + length)), 4.2, p.mark if x < 6 else p.main)
        d.line(outline, 3.2, closed=True)

    def nose(self, d: Drawing, p: Palette) -> None:
        """A small pink nose."""
        d.fill(spline([(-5, 11), (5, 11), (0, 17)], n=6), (233, 106, 110))

    def over(self, d: Drawing, p: Palette) -> None:
        """Whiskers."""
        for side in (-1, 1):
            for y, drop in ((14, -3), (24, 2)):
                d.line(quadratic((side * 58, y), (side * 70, y + drop), (side * 84, y + 2 * drop)), 2.6)

    def tail(self, d: Drawing, p: Palette, lift: float) -> None:
        """A curling tail with a ginger tip."""
        y = 64 - 40 * lift
        curve = quadratic((26, 66), (76, 84 - 20 * lift), (66, y - 22))
        d.limb(curve, 14, p.main)
        d.ops.append(type(d.ops[-1])(d.ops[-1].points[-7:], p.mark, d.ops[-1].width))  # type: ignore[union-attr,call-arg,arg-type]

    def landmark(self, name: str) -> tuple[float, float]:
        """Raised hands clear the ears."""
        near = {"high": (90.0, -92.0), "top": (44.0, -86.0)}
        return near.get(name) or super().landmark(name)
