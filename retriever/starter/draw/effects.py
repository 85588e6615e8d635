"""Marks in the air around a figure: hearts, sweat, question marks, rain clouds. All about the head's centre."""

# ruff: noqa: E501 - a row of a table, or an outline, stays on one line

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from retriever.starter.draw.canvas import Drawing
from retriever.starter.draw.geometry import (
    Points,
    arc,
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
from retriever.starter.draw.palette import hex_colour
from retriever.starter.draw.rig import Rig

__all__ = ["EFFECTS", "MARKS"]

Effect = Callable[[Drawing, Rig, float], None]
"""(drawing, rig, phase): the phase, 0 to 1, is where in its cycle a moving effect stands."""

RED, PINK, GOLD = hex_colour("#f43f5e"), hex_colour("#ff8fab"), hex_colour("#ffc93c")
BLUE, SKY, GREY = hex_colour("#4aa3ff"), hex_colour("#a5dcff"), hex_colour("#9aa6b8")
GREEN, PURPLE, WHITE = hex_colour("#51cf66"), hex_colour("#9775fa"), (255, 255, 255)


def _drop(x: float, y: float, r: float, angle: float = 0.0) -> Points:
    points = spline([(0, -r * 1.7), (r * 0.62, -r * 0.4), (r, r * 0.3), (r * 0.66, r * 0.9), (0, r * 1.1), (-r * 0.66, r * 0.9), (-r, r * 0.3), (-r * 0.62, -r * 0.4)], n=5)  # fmt: skip
    return transform(points, compose(move(x, y), rotate(angle)))


def _cycle(phase: float, shift: float) -> float:
    return (phase + shift) % 1.0


def _hearts(d: Drawing, rig: Rig, phase: float) -> None:
    rx, ry = rig.head_rx, rig.head_ry
    for i, (x, y, size, angle) in enumerate(
        ((rx + 14, -ry + 14, 30, 14), (-rx - 16, -ry + 30, 23, -16), (rx - 6, -ry - 26, 19, 8))
    ):
        lift = 10 * math.sin(2 * math.pi * _cycle(phase, i / 3)) if phase else 0
        d.shape(heart(x, y - lift, size, angle), RED if i != 1 else PINK, 4.2)


def _rising_hearts(d: Drawing, rig: Rig, phase: float) -> None:
    for i, x in enumerate((-rig.head_rx - 14, rig.head_rx + 16, -rig.head_rx * 0.4, rig.head_rx * 0.55)):
        t = _cycle(phase, i * 0.27)
        y = 40 - t * (rig.head_ry + 84)
        if i > 1 and t < 0.62:
            continue
        size = 26 * math.sin(math.pi * min(1.0, 0.12 + 0.95 * t)) + 4
        d.shape(
            heart(x + 5 * math.sin(2 * math.pi * t), y, size, 12 * math.sin(6 * t)), (RED, PINK)[i % 2], 4.0
        )


def _sparkles(d: Drawing, rig: Rig, phase: float) -> None:
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
        grow = 0.65 + 0.35 * math.cos(2 * math.pi * _cycle(phase, i / 5)) if phase else 1.0
        d.shape(polygon_star(x, y, r * grow, r * 0.36 * grow, 4), GOLD, 3.8)


def _sweat(d: Drawing, rig: Rig, phase: float) -> None:
    y = -rig.head_ry * 0.72 + 16 * phase
    d.shape(_drop(rig.head_rx * 0.92 + 4, y, 10.5, -14), SKY, 4.0)


def _sweat_many(d: Drawing, rig: Rig, phase: float) -> None:
    for side in (-1, 1):
        for k, (x, y, a) in enumerate(((0.98, -0.6, 58), (0.74, -1.08, 30), (1.1, -0.1, 78))):
            out = 1 + 0.1 * math.sin(2 * math.pi * _cycle(phase, k / 3))
            d.shape(
                _drop(side * rig.head_rx * x * out + side * 10, rig.head_ry * y * out - 6, 7, side * a),
                SKY,
                3.4,
            )


def _anger(d: Drawing, rig: Rig, phase: float) -> None:
    grow = 1 + 0.18 * math.sin(2 * math.pi * phase)
    with d.under(move(rig.head_rx * 0.82, -rig.head_ry * 0.86), rotate(12), scale(grow)):
        for width, colour in ((13.5, d.ink), (7.5, (240, 50, 50))):
            for a in (0, 90, 180, 270):
                curve = transform(quadratic((5, -19), (5, -5), (19, -5)), rotate(a))
                d.line(curve, width, colour)


def _steam(d: Drawing, rig: Rig, phase: float) -> None:
    for side in (-1, 1):
        out = 6 * phase
        with d.under(
            move(side * (rig.head_rx + 4 + out), -rig.head_ry * 0.72 - out), scale(side, 1), rotate(-24)
        ):
            for x, y, r in ((0, 0, 9), (13, -6, 12), (14, 8, 9), (27, 1, 9)):
                d.line(ellipse(x, y, r), 5, closed=True)
            for x, y, r in ((0, 0, 9), (13, -6, 12), (14, 8, 9), (27, 1, 9)):
                d.fill(ellipse(x, y, r), WHITE)


def _question(d: Drawing, rig: Rig, phase: float) -> None:
    for i, (x, y, size, angle) in enumerate(
        (
            (rig.head_rx * 0.9 + 14, -rig.head_ry - 8, 1.0, 14),
            (-rig.head_rx * 0.86 - 12, -rig.head_ry - 2, 0.72, -16),
        )
    ):
        with d.under(
            move(x, y + 4 * math.sin(2 * math.pi * _cycle(phase, i / 2))), rotate(angle), scale(size)
        ):
            hook = spline(
                [(-11, -12), (-8, -22), (2, -25), (11, -19), (11, -9), (2, -1), (0, 7)], closed=False
            )
            for width, colour in ((15.5, d.ink), (8.0, BLUE if i == 0 else PURPLE)):
                d.line(hook, width, colour)
                d.fill(ellipse(0, 20, width / 2 + 0.6), colour)


def _exclaim(d: Drawing, rig: Rig, phase: float) -> None:
    for x, size, angle in ((rig.head_rx * 0.8 + 12, 1.0, 16), (rig.head_rx * 0.8 + 34, 0.78, 26)):
        with d.under(
            move(x, -rig.head_ry - 4), rotate(angle), scale(size * (1 + 0.12 * math.sin(2 * math.pi * phase)))
        ):
            for grow, colour in ((4.0, d.ink), (0.0, RED)):
                d.line(np.array([(0, -20), (0, 2)]), 9 + 2 * grow, colour)
                d.fill(ellipse(0, 16, 5.4 + grow), colour)


def _zzz(d: Drawing, rig: Rig, phase: float) -> None:
    for i, (x, y, s) in enumerate(((6, -2, 9), (22, -24, 12), (44, -48, 16))):
        drift = 5 * math.sin(2 * math.pi * _cycle(phase, i / 4))
        with d.under(move(rig.head_rx * 0.72 + x + drift, -rig.head_ry * 0.82 + y), rotate(-8)):
            z = np.array([(-s * 0.8, -s * 0.8), (s * 0.8, -s * 0.8), (-s * 0.8, s * 0.8), (s * 0.8, s * 0.8)])
            d.line(z, s * 0.42 + 7)
            d.line(z, s * 0.42 + 1, hex_colour("#8ab4ff"))


def _rain(d: Drawing, rig: Rig, phase: float) -> None:
    top = float(rig.head_outline()[:, 1].min())
    y = min(top, -rig.head_ry) - 34
    for k, x in enumerate((-36, -13, 12, 35)):
        t = _cycle(phase, k * 0.31)
        d.line(np.array([(x + 2, y + 18 + 16 * t), (x - 1, y + 30 + 16 * t)]), 5.4, BLUE)
    puffs = ((-34, 4, 18), (-12, -10, 23), (16, -8, 22), (38, 4, 17), (0, 8, 20))
    for dx, dy, r in puffs:
        d.line(ellipse(dx, y + dy, r), 7, closed=True)
    for dx, dy, r in puffs:
        d.fill(ellipse(dx, y + dy, r), GREY)
    d.fill(ellipse(-14, y - 14, 10, 6, -20), (190, 199, 212))


def _confetti(d: Drawing, rig: Rig, phase: float) -> None:
    colours = (RED, GOLD, GREEN, BLUE, PURPLE, PINK)
    spots = ((-1.28, -0.9), (-1.0, -1.38), (-0.45, -1.62), (0.5, -1.6), (1.02, -1.36), (1.34, -0.8), (-1.42, -0.2), (1.46, -0.1), (-1.3, 0.5), (1.36, 0.6))  # fmt: skip
    for i, (x, y) in enumerate(spots):
        t = _cycle(phase, i * 0.37)
        with d.under(
            move(x * rig.head_rx, y * rig.head_ry + (18 * t - 9 if phase else 0)),
            rotate(i * 47 + 360 * phase),
        ):
            if i % 3 == 0:
                d.shape(ellipse(0, 0, 5.6), colours[i % 6], 3.0)
            else:
                d.shape(np.array([(-7, -4), (7, -4), (7, 4), (-7, 4)]), colours[i % 6], 3.0)


def _notes(d: Drawing, rig: Rig, phase: float) -> None:
    for i, (x, y, a) in enumerate(
        ((rig.head_rx + 16, -rig.head_ry + 8, 12), (-rig.head_rx - 14, -rig.head_ry + 22, -14))
    ):
        with d.under(move(x, y + 6 * math.sin(2 * math.pi * _cycle(phase, i / 2))), rotate(a)):
            for grow, colour in ((6.0, d.ink), (0.0, (PURPLE, GREEN)[i])):
                d.fill(ellipse(-5, 12, 7.5 + grow / 2, 6 + grow / 2, -20), colour)
                d.line(np.array([(1.5, 11), (1.5, -16)]), 4 + grow, colour)
                d.line(quadratic((1.5, -16), (12, -12), (13, -1)), 4.5 + grow, colour)


def _bulb(d: Drawing, rig: Rig, phase: float) -> None:
    y = min(float(rig.head_outline()[:, 1].min()), -rig.head_ry) - 34
    for a in (-150, -120, -90, -60, -30):
        c, s = math.cos(math.radians(a)), math.sin(math.radians(a))
        d.line(np.array([(26 * c, y + 26 * s), (35 * c, y + 35 * s)]), 5, GOLD)
    d.shape(
        spline(
            [(-18, -4), (-12, -16), (0, -20), (12, -16), (18, -4), (10, 9), (8, 16), (-8, 16), (-10, 9)], n=6
        )
        + (0, y),
        (255, 224, 102),
    )
    d.shape(spline([(-8, 15), (8, 15), (6, 26), (-6, 26)], n=4) + (0, y), GREY, 4)


def _dots(d: Drawing, rig: Rig, phase: float) -> None:
    for i, x in enumerate((0, 19, 38)):
        hop = -6 * max(0.0, math.sin(2 * math.pi * _cycle(phase, -i / 5))) if phase else 0
        d.shape(ellipse(rig.head_rx * 0.62 + x, -rig.head_ry - 8 - x * 0.15 + hop, 6.5), GREY, 4)


def _sigh(d: Drawing, rig: Rig, phase: float) -> None:
    with d.under(move(rig.head_rx * 0.72 + 14 + 8 * phase, rig.face.mouth_y + 8)):
        puffs = ((0, 0, 7), (12, -4, 9), (13, 6, 7), (24, 1, 6.5))
        for x, y, r in puffs:
            d.line(ellipse(x, y, r), 5, closed=True)
        for x, y, r in puffs:
            d.fill(ellipse(x, y, r), WHITE)


def _stars(d: Drawing, rig: Rig, phase: float) -> None:
    for k in range(4):
        a = 2 * math.pi * _cycle(phase, k / 4)
        d.shape(polygon_star(58 * math.cos(a), -rig.head_ry - 14 + 13 * math.sin(a), 12, 5.4, 5), GOLD, 3.4)


def _rays(d: Drawing, rig: Rig, phase: float) -> None:
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


def _flash(d: Drawing, rig: Rig, phase: float) -> None:
    for side in (-1, 1):
        x, y = side * (rig.head_rx + 16), -rig.head_ry * 0.8
        bolt = np.array([(0, -22), (12, -22), (5, -6), (15, -6), (-6, 22), (0, 3), (-9, 3)]) * (side, 1.0)
        d.shape(bolt + (x, y), GOLD, 4.2)


def _party_hat(d: Drawing, rig: Rig, phase: float) -> None:
    top = float(rig.head_outline()[:, 1].min())
    with d.under(move(0, top + 8), rotate(0)):
        hat = np.array([(-25, 6), (0, -50), (25, 6)])
        d.shape(hat, BLUE)
        for y in (-8, -26):
            d.fill(np.array([(-40, y + 7), (40, y - 7), (40, y - 1), (-40, y + 13)]), GOLD, hat)
        d.line(hat, 3.6, closed=True)
        d.shape(ellipse(0, -50, 9), RED, 4)


def _nightcap(d: Drawing, rig: Rig, phase: float) -> None:
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


def _crown(d: Drawing, rig: Rig, phase: float) -> None:
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


def _soul(d: Drawing, rig: Rig, phase: float) -> None:
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


EFFECTS: dict[str, tuple[str, Effect]] = {
    # key: (words, painter)
    "hearts": ("hearts", _hearts), "rising_hearts": ("hearts rising", _rising_hearts), "sparkles": ("sparkles", _sparkles),
    "sweat": ("a sweat drop", _sweat), "sweat_many": ("sweat flying", _sweat_many), "anger": ("an anger vein", _anger),
    "steam": ("steam from the ears", _steam), "question": ("question marks", _question), "exclaim": ("exclamation marks", _exclaim),
    "zzz": ("zzz", _zzz), "rain": ("a rain cloud overhead", _rain), "confetti": ("confetti", _confetti), "notes": ("music notes", _notes),
    "bulb": ("a light bulb", _bulb), "dots": ("three dots", _dots), "sigh": ("a puff of breath", _sigh), "stars": ("stars circling the head", _stars),
    "rays": ("sun rays", _rays), "flash": ("lightning bolts", _flash), "party_hat": ("a party hat", _party_hat),
    "nightcap": ("a nightcap", _nightcap), "crown": ("a crown", _crown), "soul": ("the soul floating away", _soul),
}  # fmt: skip
BEHIND = frozenset({"rays"})


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
