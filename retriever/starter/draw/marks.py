"""Small strokes that show how a hand moves: waving, clapping, pumping, a kiss flying off."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from retriever.starter.draw.canvas import Drawing
from retriever.starter.draw.geometry import arc, heart
from retriever.starter.draw.palette import PINK, RED

__all__ = ["MARKS"]


def _mark_wave(d: Drawing, x: float, y: float) -> None:
    for r in (24, 33):
        d.line(arc(x, y, r, r, -62, -8), 4.6)


def _mark_clap(d: Drawing, x: float, y: float) -> None:
    for a in (-155, -180, 155, -25, 0, 25):
        c, s = math.cos(math.radians(a)), math.sin(math.radians(a))
        d.line(np.array([(33 * c, y + 24 * s), (45 * c, y + 34 * s)]), 5)


def _mark_pump(d: Drawing, x: float, y: float) -> None:
    for a in (-130, -90, -50):
        c, s = math.cos(math.radians(a)), math.sin(math.radians(a))
        d.line(np.array([(x + 24 * c, y + 24 * s), (x + 34 * c, y + 34 * s)]), 5)


def _mark_kiss(d: Drawing, x: float, y: float) -> None:
    d.shape(heart(x + 34, y - 14, 26, 16), RED, 4.2)
    d.shape(heart(x + 58, y - 36, 17, 22), PINK, 4.0)


MARKS: dict[str, Callable[[Drawing, float, float], None]] = {
    "wave": _mark_wave, "clap": _mark_clap, "pump": _mark_pump, "kiss": _mark_kiss,
}  # fmt: skip
