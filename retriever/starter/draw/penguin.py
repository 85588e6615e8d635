"""Pippo, a navy penguin: white heart-shaped face, orange beak and feet, a tuft."""

from __future__ import annotations

from types import MappingProxyType

from retriever.starter.draw.canvas import Drawing
from retriever.starter.draw.geometry import Points, ellipse, mirror, quadratic, spline, squircle
from retriever.starter.draw.palette import Palette
from retriever.starter.draw.rig import Face, Rig

__all__ = ["Penguin"]


class Penguin(Rig):
    """The penguin."""

    key = "pippo"
    hand_word = "flipper"
    palette = Palette.of("#45609c", "#34497c", "#ffffff", "#ffab2e", "#1c2440", "#ff9fae", "#2d5bd0")
    face = Face(22, -1, 7.5, 10, 24, 0.72, 38, 16)
    head_rx, head_ry, head_y = 58.0, 55.0, -36.0
    body_rx, body_ry, body_y = 53.0, 52.0, 30.0
    shoulder = (47.0, 8.0)
    arm_width = 21.0
    hand = 13.0
    foot = (22.0, 80.0)
    foot_size = (20.0, 9.0)
    chest_y = 28.0
    pads = False
    gloss = (-32.0, -42.0)
    mouths = MappingProxyType({"cat": "smile"})

    def behind(self, d: Drawing, p: Palette) -> None:
        """A tuft of three feathers."""
        for x, y in ((-13, -70), (0, -78), (14, -71)):
            d.limb(quadratic((x * 0.2, -48), (x * 0.4, -62), (x, y)), 6, p.main)

    def head(self, d: Drawing, p: Palette) -> None:
        """The head with its white mask."""
        outline = self.head_outline()
        d.shape(outline, p.main)
        right = spline([(0, -22), (16, -37), (40, -27), (47, 2), (36, 34), (0, 50)], closed=False, n=8)
        mask = list(right) + list(mirror(right)[::-1])
        d.fill(spline([tuple(q) for q in mask[::3]], n=4), p.light, outline)
        d.line(outline, 3.2, closed=True)

    def nose(self, d: Drawing, p: Palette) -> None:
        """The upper beak."""
        d.shape(spline([(-13, 12), (0, 5), (13, 12), (0, 20)], n=8), p.mark, 3.6)

    def torso_outline(self) -> Points:
        """A pear."""
        return squircle(0, self.body_y, self.body_rx, self.body_ry, 2.2, 0.14)

    def torso(self, d: Drawing, p: Palette) -> None:
        """Navy back, white front."""
        outline = self.torso_outline()
        d.shape(outline, p.main)
        d.fill(ellipse(0, 38, 40, 52), p.light, outline)
        d.line(outline, 3.2, closed=True)

    def tail(self, d: Drawing, p: Palette, lift: float) -> None:
        """A short pointed tail."""
        d.shape(spline([(30, 60), (58, 66 - 8 * lift), (66, 72 - 16 * lift), (36, 80)], n=6), p.main)

    def foot_colour(self, p: Palette) -> tuple[int, int, int] | tuple[int, int, int, int]:
        """Orange feet."""
        return p.mark
