"""Mouths, each kind a small function about the mouth's own centre; one unit of `s` is a mouth 26 wide."""

# ruff: noqa: E501 - a row of a table, or an outline, stays on one line

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from retriever.starter.draw.canvas import Drawing
from retriever.starter.draw.geometry import arc, ellipse, quadratic, rounded_rect, spline

__all__ = ["MOUTHS", "draw_mouth"]

INSIDE = (122, 32, 44)
TONGUE = (255, 122, 128)
WHITE = (255, 255, 255)
Mouth = Callable[[Drawing, float], None]


def _smile(d: Drawing, s: float) -> None:
    d.line(arc(0, -5 * s, 11 * s, 10 * s, 20, 160), 4.6)


def _cat(d: Drawing, s: float) -> None:
    for side in (-1, 1):
        d.line(arc(side * 7 * s, -3, 7 * s, 7.5, 5, 175), 4.4)


def _grin(d: Drawing, s: float) -> None:
    _cavity(d, s, 15.0, 19.0)


def _laugh(d: Drawing, s: float) -> None:
    _cavity(d, s, 20.0, 25.0)


def _cavity(d: Drawing, s: float, half: float, deep: float) -> None:
    outline = spline([(-half * s, -5), (0, -3), (half * s, -5), (half * 0.82 * s, deep * 0.45), (0, deep - 4), (-half * 0.82 * s, deep * 0.45)], n=8)  # fmt: skip
    d.shape(outline, INSIDE, 4.6)
    d.fill(ellipse(0, deep - 4, half * 0.72 * s, deep * 0.42), TONGUE, outline)
    d.line(outline, 3.4, closed=True)


def _small_o(d: Drawing, s: float) -> None:
    d.shape(ellipse(0, 1, 5.5 * s + 1, 7), INSIDE, 4.2)


def _big_o(d: Drawing, s: float) -> None:
    outline = ellipse(0, 3, 12 * s, 15)
    d.shape(outline, INSIDE, 4.6)
    d.fill(ellipse(0, 15, 9 * s, 7), TONGUE, outline)
    d.line(outline, 3.4, closed=True)


def _frown(d: Drawing, s: float) -> None:
    d.line(arc(0, 8, 11 * s, 10, 205, 335), 4.6)


def _flat(d: Drawing, s: float) -> None:
    d.line(np.array([(-10 * s, 1), (10 * s, 1)]), 4.8)


def _slant(d: Drawing, s: float) -> None:
    d.line(quadratic((-9 * s, 4), (2 * s, 2), (11 * s, -3)), 4.8)


def _smirk(d: Drawing, s: float) -> None:
    d.line(quadratic((-9 * s, 1), (5 * s, 8), (14 * s, -5)), 4.8)


def _wobble(d: Drawing, s: float) -> None:
    x = np.linspace(-14 * s, 14 * s, 40)
    d.line(np.stack([x, 1 + 3.2 * np.sin(x / (14 * s) * 2.5 * np.pi)], axis=1), 4.4)


def _shout(d: Drawing, s: float) -> None:
    outline = spline(
        [(-14 * s, -7), (14 * s, -7), (18 * s, 12), (14 * s, 18), (-14 * s, 18), (-18 * s, 12)], n=8
    )
    d.shape(outline, INSIDE, 4.6)
    d.fill(rounded_rect(-14 * s, -12, 14 * s, -1.5, 3), WHITE, outline)
    d.fill(ellipse(0, 18, 11 * s, 7), TONGUE, outline)
    d.line(outline, 3.6, closed=True)


def _wail(d: Drawing, s: float) -> None:
    outline = spline([(-10 * s, -5), (0, -8), (10 * s, -5), (17 * s, 13), (8 * s, 19), (0, 17), (-8 * s, 19), (-17 * s, 13)], n=8)  # fmt: skip
    d.shape(outline, INSIDE, 4.6)
    d.fill(ellipse(0, 18, 11 * s, 7), TONGUE, outline)
    d.line(outline, 3.4, closed=True)


def _teeth(d: Drawing, s: float) -> None:
    outline = rounded_rect(-16 * s, -6, 16 * s, 10, 7)
    d.shape(outline, WHITE, 4.6)
    for x in (-8, 0, 8):
        d.line(np.array([(x * s, -6), (x * s, 10)]), 2.4)
    d.line(np.array([(-16 * s, 2), (16 * s, 2)]), 2.4)
    d.line(outline, 3.4, closed=True)


def _tongue(d: Drawing, s: float) -> None:
    d.shape(spline([(-6 * s, 2), (6 * s, 2), (6.5 * s, 12), (0, 17), (-6.5 * s, 12)], n=6), TONGUE, 4.0)
    d.line(np.array([(0, 5), (0, 11)]), 2.2, (214, 80, 92))
    _cat(d, s)


def _kiss(d: Drawing, s: float) -> None:
    d.line(spline([(-3, -7), (6, -5), (1, 0), (6, 5), (-3, 8)], closed=False, n=8), 4.4)


def _pout(d: Drawing, s: float) -> None:
    d.line(spline([(-8 * s, 4), (-3 * s, -2), (0, 0), (3 * s, -2), (8 * s, 4)], closed=False, n=8), 4.6)


def _drool(d: Drawing, s: float) -> None:
    _cavity(d, s, 14.0, 17.0)
    d.shape(
        spline([(9 * s, 4), (14 * s, 6), (15 * s, 22), (11 * s, 27), (8 * s, 22)], n=6), (150, 214, 252), 2.8
    )


def _sick(d: Drawing, s: float) -> None:
    d.line(np.array([(-13 * s, 4), (-8 * s, -2), (-3 * s, 4), (3 * s, -2), (8 * s, 4), (13 * s, -2)]), 4.4)


def _bleh(d: Drawing, s: float) -> None:
    d.shape(spline([(-7 * s, 0), (7 * s, 0), (8 * s, 14), (0, 21), (-8 * s, 14)], n=6), (140, 190, 96), 4.0)
    d.line(arc(0, 8, 14 * s, 10, 205, 335), 4.8)


MOUTHS: dict[str, Mouth] = {
    "smile": _smile, "cat": _cat, "grin": _grin, "laugh": _laugh, "small_o": _small_o, "big_o": _big_o,
    "frown": _frown, "flat": _flat, "slant": _slant, "smirk": _smirk, "wobble": _wobble, "shout": _shout,
    "wail": _wail, "teeth": _teeth, "tongue": _tongue, "kiss": _kiss, "pout": _pout, "drool": _drool,
    "sick": _sick, "bleh": _bleh, "none": lambda d, s: None,
}  # fmt: skip


def draw_mouth(d: Drawing, kind: str, scale: float) -> None:
    """The mouth about its own centre."""
    MOUTHS[kind](d, scale)
