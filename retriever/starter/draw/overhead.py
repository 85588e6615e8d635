"""What hangs over or sits on a head: cloud, bulb, stars, hats, a departing soul.

All about the head's centre; the phase, 0 to 1, is where in its cycle a moving effect stands.
"""

from __future__ import annotations

import math

import numpy as np

from retriever.starter.draw.canvas import Drawing
from retriever.starter.draw.feelings import cycle
from retriever.starter.draw.geometry import ellipse, move, polygon_star, rotate, spline
from retriever.starter.draw.palette import BLUE, GOLD, GREY, RED, WHITE
from retriever.starter.draw.rig import Rig

__all__ = ["bulb", "crown", "nightcap", "party_hat", "rain", "soul", "stars"]


def rain(d: Drawing, rig: Rig, phase: float) -> None:
    """Rain."""
    top = float(rig.head_outline()[:, 1].min())
    y = min(top, -rig.head_ry) - 34
    for k, x in enumerate((-36, -13, 12, 35)):
        t = cycle(phase, k * 0.31)
        d.line(np.array([(x + 2, y + 18 + 16 * t), (x - 1, y + 30 + 16 * t)]), 5.4, BLUE)
    puffs = ((-34, 4, 18), (-12, -10, 23), (16, -8, 22), (38, 4, 17), (0, 8, 20))
    for dx, dy, r in puffs:
        d.line(ellipse(dx, y + dy, r), 7, closed=True)
    for dx, dy, r in puffs:
        d.fill(ellipse(dx, y + dy, r), GREY)
    d.fill(ellipse(-14, y - 14, 10, 6, -20), (190, 199, 212))


def bulb(d: Drawing, rig: Rig, phase: float) -> None:
    """Bulb."""
    y = min(float(rig.head_outline()[:, 1].min()), -rig.head_ry) - 34
    for a in (-150, -120, -90, -60, -30):
        c, s = math.cos(math.radians(a)), math.sin(math.radians(a))
        d.line(np.array([(26 * c, y + 26 * s), (35 * c, y + 35 * s)]), 5, GOLD)
    glass = [(-18, -4), (-12, -16), (0, -20), (12, -16), (18, -4), (10, 9), (8, 16), (-8, 16), (-10, 9)]
    with d.under(move(0, y)):
        d.shape(spline(glass, n=6), (255, 224, 102))
        d.shape(spline([(-8, 15), (8, 15), (6, 26), (-6, 26)], n=4), GREY, 4)


def stars(d: Drawing, rig: Rig, phase: float) -> None:
    """Stars."""
    for k in range(4):
        a = 2 * math.pi * cycle(phase, k / 4)
        d.shape(polygon_star(58 * math.cos(a), -rig.head_ry - 14 + 13 * math.sin(a), 12, 5.4, 5), GOLD, 3.4)


def party_hat(d: Drawing, rig: Rig, phase: float) -> None:
    """Party hat."""
    top = float(rig.head_outline()[:, 1].min())
    with d.under(move(0, top + 8), rotate(0)):
        hat = np.array([(-25, 6), (0, -50), (25, 6)])
        d.shape(hat, BLUE)
        for y in (-8, -26):
            d.fill(np.array([(-40, y + 7), (40, y - 7), (40, y - 1), (-40, y + 13)]), GOLD, hat)
        d.line(hat, 3.6, closed=True)
        d.shape(ellipse(0, -50, 9), RED, 4)


def nightcap(d: Drawing, rig: Rig, phase: float) -> None:
    """Nightcap."""
    top = float(rig.head_outline()[:, 1].min())
    d.shape(
        spline(
            [
                (-46, top + 22),
                (-30, top - 12),
                (4, top - 26),
                (40, top - 20),
                (66, top + 12),
                (70, top + 30),
                (58, top + 28),
                (44, top + 8),
                (44, top + 24),
            ],
            n=6,
        ),
        BLUE,
    )
    d.shape(
        spline(
            [(-50, top + 16), (0, top + 8), (50, top + 18), (48, top + 30), (0, top + 21), (-48, top + 29)],
            n=6,
        ),
        WHITE,
        4.4,
    )
    d.shape(ellipse(65, top + 36, 10), WHITE, 4.4)


def crown(d: Drawing, rig: Rig, phase: float) -> None:
    """Crown."""
    top = float(rig.head_outline()[:, 1].min())
    d.shape(
        np.array(
            [
                (-30, top + 12),
                (-34, top - 24),
                (-15, top - 8),
                (0, top - 34),
                (15, top - 8),
                (34, top - 24),
                (30, top + 12),
            ]
        ),
        GOLD,
    )
    for x, colour in ((-15, RED), (0, BLUE), (15, RED)):
        d.fill(ellipse(x, top + 3, 4.2), colour)


def soul(d: Drawing, rig: Rig, phase: float) -> None:
    """Soul."""
    y = -rig.head_ry - 26 - 6 * math.sin(2 * math.pi * phase)
    x = rig.head_rx * 0.55
    d.line(
        spline([(x - 34, rig.face.mouth_y - 60), (x - 18, y + 40), (x + 2, y + 26)], closed=False), 4, GREY
    )
    d.shape(
        spline(
            [
                (x - 16, y + 4),
                (x - 14, y - 14),
                (x, y - 20),
                (x + 14, y - 14),
                (x + 16, y + 6),
                (x + 8, y + 22),
                (x + 2, y + 27),
                (x - 6, y + 18),
            ],
            n=6,
        ),
        (236, 244, 255),
        4.2,
    )
    for k in (-6, 6):
        d.fill(ellipse(x + k, y - 5, 2.4, 3.2), d.ink)
    d.fill(ellipse(x, y + 4, 3, 3.6), d.ink)
