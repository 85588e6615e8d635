"""Signs in the air: question and exclamation marks, zzz, notes, dots, confetti, flashes.

All about the head's centre; the phase, 0 to 1, is where in its cycle a moving effect stands.
"""

# ruff: noqa: E501 - a row of a table, or an outline, stays on one line

from __future__ import annotations

import math

import numpy as np

from retriever.starter.draw.canvas import Drawing
from retriever.starter.draw.feelings import cycle
from retriever.starter.draw.geometry import ellipse, move, quadratic, rotate, scale, spline, transform
from retriever.starter.draw.palette import BLUE, GOLD, GREEN, GREY, PINK, PURPLE, RED, hex_colour
from retriever.starter.draw.rig import Rig

__all__ = ["confetti", "dots", "exclaim", "flash", "notes", "question", "rays", "zzz"]


def question(d: Drawing, rig: Rig, phase: float) -> None:
    """Question."""
    for i, (x, y, size, angle) in enumerate(
        (
            (rig.head_rx * 0.9 + 14, -rig.head_ry - 8, 1.0, 14),
            (-rig.head_rx * 0.86 - 12, -rig.head_ry - 2, 0.72, -16),
        )
    ):
        with d.under(
            move(x, y + 4 * math.sin(2 * math.pi * cycle(phase, i / 2))), rotate(angle), scale(size)
        ):
            hook = spline(
                [(-11, -12), (-8, -22), (2, -25), (11, -19), (11, -9), (2, -1), (0, 7)], closed=False
            )
            for width, colour in ((15.5, d.ink), (8.0, BLUE if i == 0 else PURPLE)):
                d.line(hook, width, colour)
                d.fill(ellipse(0, 20, width / 2 + 0.6), colour)


def exclaim(d: Drawing, rig: Rig, phase: float) -> None:
    """Exclaim."""
    for x, size, angle in ((rig.head_rx * 0.8 + 12, 1.0, 16), (rig.head_rx * 0.8 + 34, 0.78, 26)):
        with d.under(
            move(x, -rig.head_ry - 4), rotate(angle), scale(size * (1 + 0.12 * math.sin(2 * math.pi * phase)))
        ):
            for grow, colour in ((4.0, d.ink), (0.0, RED)):
                d.line(np.array([(0, -20), (0, 2)]), 9 + 2 * grow, colour)
                d.fill(ellipse(0, 16, 5.4 + grow), colour)


def zzz(d: Drawing, rig: Rig, phase: float) -> None:
    """Zzz."""
    for i, (x, y, s) in enumerate(((6, -2, 9), (22, -24, 12), (44, -48, 16))):
        drift = 5 * math.sin(2 * math.pi * cycle(phase, i / 4))
        with d.under(move(rig.head_rx * 0.94 + x + drift, -rig.head_ry * 0.86 + y), rotate(-8)):
            z = np.array([(-s * 0.8, -s * 0.8), (s * 0.8, -s * 0.8), (-s * 0.8, s * 0.8), (s * 0.8, s * 0.8)])
            d.line(z, s * 0.42 + 7)
            d.line(z, s * 0.42 + 1, hex_colour("#8ab4ff"))


def notes(d: Drawing, rig: Rig, phase: float) -> None:
    """Notes."""
    for i, (x, y, a) in enumerate(
        ((rig.head_rx + 16, -rig.head_ry + 8, 12), (-rig.head_rx - 14, -rig.head_ry + 22, -14))
    ):
        with d.under(move(x, y + 6 * math.sin(2 * math.pi * cycle(phase, i / 2))), rotate(a)):
            for grow, colour in ((6.0, d.ink), (0.0, (PURPLE, GREEN)[i])):
                d.fill(ellipse(-5, 12, 7.5 + grow / 2, 6 + grow / 2, -20), colour)
                d.line(np.array([(1.5, 11), (1.5, -16)]), 4 + grow, colour)
                d.line(quadratic((1.5, -16), (12, -12), (13, -1)), 4.5 + grow, colour)


def dots(d: Drawing, rig: Rig, phase: float) -> None:
    """Dots."""
    for i, x in enumerate((0, 19, 38)):
        hop = -6 * max(0.0, math.sin(2 * math.pi * cycle(phase, -i / 5))) if phase else 0
        d.shape(ellipse(rig.head_rx * 0.94 + x, -rig.head_ry + 4 - x * 0.15 + hop, 6.5), GREY, 4)


def flash(d: Drawing, rig: Rig, phase: float) -> None:
    """Flash."""
    for side in (-1, 1):
        x, y = side * (rig.head_rx + 16), -rig.head_ry * 0.8
        bolt = np.array([(0, -22), (12, -22), (5, -6), (15, -6), (-6, 22), (0, 3), (-9, 3)]) * (side, 1.0)
        d.shape(transform(bolt, move(x, y)), GOLD, 4.2)


def confetti(d: Drawing, rig: Rig, phase: float) -> None:
    """Confetti."""
    colours = (RED, GOLD, GREEN, BLUE, PURPLE, PINK)
    spots = ((-1.28, -0.9), (-1.0, -1.38), (-0.45, -1.62), (0.5, -1.6), (1.02, -1.36), (1.34, -0.8), (-1.42, -0.2), (1.46, -0.1), (-1.3, 0.5), (1.36, 0.6))  # fmt: skip
    for i, (x, y) in enumerate(spots):
        t = cycle(phase, i * 0.37)
        with d.under(
            move(x * rig.head_rx, y * rig.head_ry + (18 * t - 9 if phase else 0)),
            rotate(i * 47 + 360 * phase),
        ):
            if i % 3 == 0:
                d.shape(ellipse(0, 0, 5.6), colours[i % 6], 3.0)
            else:
                d.shape(np.array([(-7, -4), (7, -4), (7, 4), (-7, 4)]), colours[i % 6], 3.0)


def rays(d: Drawing, rig: Rig, phase: float) -> None:
    """Rays."""
    for k in range(12):
        a = math.radians(k * 30 + 15 + 30 * phase)
        near, far = 1.42, 1.62
        d.line(
            np.array(
                [
                    (rig.head_rx * near * math.cos(a), 20 + rig.head_rx * near * math.sin(a)),
                    (rig.head_rx * far * math.cos(a), 20 + rig.head_rx * far * math.sin(a)),
                ]
            ),
            9,
            GOLD,
        )
