"""Marks of feeling around a head: hearts, sweat, an anger vein, steam, breath.

All about the head's centre; the phase, 0 to 1, is where in its cycle a moving effect stands.
"""

# ruff: noqa: E501 - a row of a table, or an outline, stays on one line

from __future__ import annotations

import math

from retriever.starter.draw.canvas import Drawing
from retriever.starter.draw.geometry import (
    Points,
    compose,
    ellipse,
    heart,
    move,
    polygon_star,
    quadratic,
    rotate,
    scale,
    spline,
    transform,
)
from retriever.starter.draw.palette import GOLD, PINK, RED, SKY, WHITE
from retriever.starter.draw.rig import Rig

__all__ = ["anger", "cycle", "hearts", "rising_hearts", "sigh", "sparkles", "steam", "sweat", "sweat_many"]


def _drop(x: float, y: float, r: float, angle: float = 0.0) -> Points:
    points = spline([(0, -r * 1.7), (r * 0.62, -r * 0.4), (r, r * 0.3), (r * 0.66, r * 0.9), (0, r * 1.1), (-r * 0.66, r * 0.9), (-r, r * 0.3), (-r * 0.62, -r * 0.4)], n=5)  # fmt: skip
    return transform(points, compose(move(x, y), rotate(angle)))


def cycle(phase: float, shift: float) -> float:
    """`phase` moved on by `shift`, within 0 to 1."""
    return (phase + shift) % 1.0


def hearts(d: Drawing, rig: Rig, phase: float) -> None:
    """Hearts."""
    rx, ry = rig.head_rx, rig.head_ry
    for i, (x, y, size, angle) in enumerate(
        ((rx + 14, -ry + 14, 30, 14), (-rx - 16, -ry + 30, 23, -16), (rx - 6, -ry - 26, 19, 8))
    ):
        lift = 10 * math.sin(2 * math.pi * cycle(phase, i / 3)) if phase else 0
        d.shape(heart(x, y - lift, size, angle), RED if i != 1 else PINK, 4.2)


def rising_hearts(d: Drawing, rig: Rig, phase: float) -> None:
    """Rising hearts."""
    for i, x in enumerate((-rig.head_rx - 14, rig.head_rx + 16, -rig.head_rx * 0.4, rig.head_rx * 0.55)):
        t = cycle(phase, i * 0.27)
        y = 40 - t * (rig.head_ry + 84)
        if i > 1 and t < 0.62:
            continue
        size = 26 * math.sin(math.pi * min(1.0, 0.12 + 0.95 * t)) + 4
        d.shape(
            heart(x + 5 * math.sin(2 * math.pi * t), y, size, 12 * math.sin(6 * t)), (RED, PINK)[i % 2], 4.0
        )


def sparkles(d: Drawing, rig: Rig, phase: float) -> None:
    """Sparkles."""
    rx, ry = rig.head_rx, rig.head_ry
    for i, (x, y, r) in enumerate(
        (
            (-rx - 12, -ry + 8, 17),
            (rx + 14, -ry + 18, 14),
            (rx + 4, -ry - 18, 10),
            (-rx - 14, 40, 10),
            (rx + 18, 34, 11),
        )
    ):
        grow = 0.65 + 0.35 * math.cos(2 * math.pi * cycle(phase, i / 5)) if phase else 1.0
        d.shape(polygon_star(x, y, r * grow, r * 0.36 * grow, 4), GOLD, 3.8)


def sweat(d: Drawing, rig: Rig, phase: float) -> None:
    """Sweat."""
    y = -rig.head_ry * 0.72 + 16 * phase
    d.shape(_drop(rig.head_rx * 0.92 + 4, y, 10.5, -14), SKY, 4.0)


def sweat_many(d: Drawing, rig: Rig, phase: float) -> None:
    """Sweat many."""
    for side in (-1, 1):
        for k, (x, y, a) in enumerate(((0.98, -0.6, 58), (0.74, -1.08, 30), (1.1, -0.1, 78))):
            out = 1 + 0.1 * math.sin(2 * math.pi * cycle(phase, k / 3))
            d.shape(
                _drop(side * rig.head_rx * x * out + side * 10, rig.head_ry * y * out - 6, 7, side * a),
                SKY,
                3.4,
            )


def anger(d: Drawing, rig: Rig, phase: float) -> None:
    """Anger."""
    grow = 1 + 0.18 * math.sin(2 * math.pi * phase)
    with d.under(move(*rig.corner), rotate(12), scale(grow)):
        for width, colour in ((13.5, d.ink), (7.5, (240, 50, 50))):
            for a in (0, 90, 180, 270):
                curve = transform(quadratic((5, -19), (5, -5), (19, -5)), rotate(a))
                d.line(curve, width, colour)


def steam(d: Drawing, rig: Rig, phase: float) -> None:
    """Steam."""
    for side in (-1, 1):
        out = 6 * phase
        with d.under(
            move(side * (rig.head_rx + 4 + out), -rig.head_ry * 0.72 - out), scale(side, 1), rotate(-24)
        ):
            for x, y, r in ((0, 0, 9), (13, -6, 12), (14, 8, 9), (27, 1, 9)):
                d.line(ellipse(x, y, r), 5, closed=True)
            for x, y, r in ((0, 0, 9), (13, -6, 12), (14, 8, 9), (27, 1, 9)):
                d.fill(ellipse(x, y, r), WHITE)


def sigh(d: Drawing, rig: Rig, phase: float) -> None:
    """Sigh."""
    with d.under(move(rig.head_rx * 0.72 + 14 + 8 * phase, rig.face.mouth_y + 8)):
        puffs = ((0, 0, 7), (12, -4, 9), (13, 6, 7), (24, 1, 6.5))
        for x, y, r in puffs:
            d.line(ellipse(x, y, r), 5, closed=True)
        for x, y, r in puffs:
            d.fill(ellipse(x, y, r), WHITE)
