"""Things that are held. Each is painted about the neck, in upright coordinates, at the hands that hold it."""

# ruff: noqa: E501 - a row of a table, or an outline, stays on one line

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from retriever.starter.draw.canvas import Drawing
from retriever.starter.draw.geometry import (
    arc,
    ellipse,
    heart,
    move,
    quadratic,
    rotate,
    rounded_rect,
    spline,
)
from retriever.starter.draw.palette import Palette, hex_colour

__all__ = ["PROPS"]

Place = tuple[float, float]
Prop = Callable[[Drawing, Place, Place, Palette], None]
"""(drawing, left hand, right hand, palette)."""

RED, PINK, GOLD = hex_colour("#f43f5e"), hex_colour("#ff8fab"), hex_colour("#ffc93c")
WHITE, CREAM, GREEN = (255, 255, 255), hex_colour("#fff4dc"), hex_colour("#46a758")
BLUE, BROWN, STEEL = hex_colour("#5aa9ff"), hex_colour("#8b5a34"), hex_colour("#aebccb")


def _middle(left: Place, right: Place) -> Place:
    return (left[0] + right[0]) / 2, (left[1] + right[1]) / 2


def _big_heart(d: Drawing, left: Place, right: Place, p: Palette) -> None:
    x, y = _middle(left, right)
    d.shape(heart(x, y + 2, 66), RED)
    d.line(arc(x - 14, y - 8, 10, 8, 185, 265), 5, (255, 200, 210))


def _mug(d: Drawing, left: Place, right: Place, p: Palette) -> None:
    _cup(d, right[0] - 12, right[1] - 6, 7)


def _mug_middle(d: Drawing, left: Place, right: Place, p: Palette) -> None:
    x, y = _middle(left, right)
    _cup(d, x, y - 4, 17)


def _cup(d: Drawing, x: float, y: float, steam: float) -> None:
    d.line(arc(x + 17, y + 1, 9, 9, -90, 90), 9)
    d.line(arc(x + 17, y + 1, 9, 9, -90, 90), 4, WHITE)
    cup = rounded_rect(x - 18, y - 17, x + 18, y + 18, 6)
    d.shape(cup, WHITE)
    d.fill(ellipse(x, y - 16, 17, 5), BROWN, cup)
    d.fill(heart(x, y + 3, 15), RED)
    for k in (-steam, steam):
        d.line(
            spline(
                [(x + k, y - 24), (x + k + 4, y - 28), (x + k - 3, y - 33), (x + k + 1, y - 37)], closed=False
            ),
            4,
            (188, 196, 208),
        )


def _flowers(d: Drawing, left: Place, right: Place, p: Palette) -> None:
    x, y = _middle(left, right)
    for dx in (-16, 0, 16):
        d.line(quadratic((x, y + 16), (x + dx * 0.6, y - 6), (x + dx, y - 22)), 5, GREEN)
    d.shape(spline([(x - 20, y - 8), (x + 20, y - 8), (x + 7, y + 26), (x - 7, y + 26)], n=4), CREAM, 4.4)
    for dx, dy, colour in ((-20, -20, PINK), (20, -20, GOLD), (0, -30, RED)):
        for k in range(5):
            a = np.radians(72 * k - 90)
            d.shape(ellipse(x + dx + 8.5 * np.cos(a), y + dy + 8.5 * np.sin(a), 7), colour, 2.6)
        d.fill(ellipse(x + dx, y + dy, 6), WHITE if colour != GOLD else BROWN)


def _gift(d: Drawing, left: Place, right: Place, p: Palette) -> None:
    x, y = _middle(left, right)
    box = rounded_rect(x - 27, y - 18, x + 27, y + 26, 5)
    d.shape(box, PINK)
    d.fill(rounded_rect(x - 6, y - 18, x + 6, y + 26, 1), GOLD, box)
    d.shape(rounded_rect(x - 31, y - 24, x + 31, y - 10, 4), RED, 4.4)
    for s in (-1, 1):
        d.shape(
            spline([(x, y - 25), (x + s * 12, y - 40), (x + s * 22, y - 34), (x + s * 14, y - 25)], n=6),
            GOLD,
            4,
        )


def _cake(d: Drawing, left: Place, right: Place, p: Palette) -> None:
    x, y = _middle(left, right)
    for dx in (-14, 0, 14):
        d.shape(rounded_rect(x + dx - 3, y - 38, x + dx + 3, y - 18, 2), BLUE if dx else PINK, 3)
        d.shape(
            spline([(x + dx, y - 51), (x + dx + 5, y - 42), (x + dx, y - 38), (x + dx - 5, y - 42)], n=6),
            GOLD,
            3,
        )
    cake = rounded_rect(x - 30, y - 20, x + 30, y + 22, 8)
    d.shape(cake, hex_colour("#f6c88f"))
    icing = spline([(x - 34, y - 24), (x + 34, y - 24), (x + 33, y - 4), (x + 22, y - 9), (x + 11, y + 2), (x, y - 8), (x - 12, y + 1), (x - 23, y - 9), (x - 33, y - 3)], n=7)  # fmt: skip
    d.fill(icing, hex_colour("#fff0f4"), cake)
    d.line(cake, 3.4, closed=True)
    for dx in (-18, 0, 18):
        d.fill(ellipse(x + dx, y - 17, 4.4), RED)
    d.shape(ellipse(x, y + 23, 38, 5), WHITE, 4)


def _popcorn(d: Drawing, left: Place, right: Place, p: Palette) -> None:
    x, y = left[0] + 12, left[1] - 4
    for dx, dy in ((-15, -18), (-5, -25), (7, -24), (16, -17), (0, -16)):
        d.shape(ellipse(x + dx, y + dy, 8.5), CREAM, 3.4)
    tub = np.array([(x - 23, y - 15), (x + 23, y - 15), (x + 17, y + 28), (x - 17, y + 28)])
    d.shape(tub, WHITE)
    for k in (-15, 0, 15):
        d.fill(
            np.array(
                [
                    (x + k - 4, y - 15),
                    (x + k + 4, y - 15),
                    (x + k * 0.75 + 3, y + 28),
                    (x + k * 0.75 - 3, y + 28),
                ]
            ),
            RED,
            tub,
        )
    d.line(tub, 3.6, closed=True)


def _phone(d: Drawing, left: Place, right: Place, p: Palette) -> None:
    with d.under(move(right[0] - 10, right[1] - 14), rotate(-12)):
        d.shape(rounded_rect(-13, -24, 13, 22, 5), hex_colour("#3b4252"))
        d.fill(rounded_rect(-9, -19, 9, 14, 2), hex_colour("#9be7ff"))
        d.fill(heart(0, -3, 11), RED)


def _flag(d: Drawing, left: Place, right: Place, p: Palette) -> None:
    x, y = right
    d.line(np.array([(x, y + 22), (x, y - 58)]), 9)
    d.line(np.array([(x, y + 22), (x, y - 58)]), 4.4, BROWN)
    d.shape(
        spline(
            [
                (x + 1, y - 57),
                (x + 18, y - 63),
                (x + 34, y - 55),
                (x + 50, y - 60),
                (x + 50, y - 28),
                (x + 34, y - 23),
                (x + 18, y - 31),
                (x + 1, y - 25),
            ],
            n=6,
        ),
        WHITE,
    )


def _sign(d: Drawing, left: Place, right: Place, p: Palette) -> None:
    x, y = _middle(left, right)
    d.shape(rounded_rect(x - 52, y - 24, x + 52, y + 26, 7), CREAM)


def _pillow(d: Drawing, left: Place, right: Place, p: Palette) -> None:
    x, y = _middle(left, right)
    d.shape(
        spline(
            [
                (x - 40, y - 24),
                (x, y - 19),
                (x + 40, y - 24),
                (x + 35, y),
                (x + 40, y + 26),
                (x, y + 21),
                (x - 40, y + 26),
                (x - 35, y),
            ],
            n=8,
        ),
        hex_colour("#bcd9ff"),
    )
    for dx, dy in ((-20, -8), (18, -6), (0, 8)):
        d.fill(ellipse(x + dx, y + dy, 4), WHITE)


def _balloon(d: Drawing, left: Place, right: Place, p: Palette) -> None:
    x, y = right
    d.line(spline([(x, y), (x + 8, y - 30), (x + 4, y - 62)], closed=False), 3)
    d.shape(ellipse(x + 6, y - 92, 25, 30), RED)
    d.shape(np.array([(x + 1, y - 60), (x + 6, y - 67), (x + 11, y - 60)]), RED, 3.4)
    d.fill(ellipse(x - 3, y - 103, 5, 8, 25), (255, 190, 200))


def _trophy(d: Drawing, left: Place, right: Place, p: Palette) -> None:
    x, y = right[0], right[1] - 18
    for s in (-1, 1):
        d.line(arc(x + s * 20, y - 24, 10, 11, -90, 90) if s > 0 else arc(x - 20, y - 24, 10, 11, 90, 270), 9)
        d.line(
            arc(x + s * 20, y - 24, 10, 11, -90, 90) if s > 0 else arc(x - 20, y - 24, 10, 11, 90, 270),
            4,
            GOLD,
        )
    d.shape(np.array([(x - 4, y - 10), (x + 4, y - 10), (x + 5, y + 6), (x - 5, y + 6)]), GOLD, 4)
    d.shape(
        spline([(x - 21, y - 42), (x + 21, y - 42), (x + 17, y - 16), (x, y - 6), (x - 17, y - 16)], n=7),
        GOLD,
    )
    d.shape(rounded_rect(x - 14, y + 4, x + 14, y + 14, 3), BROWN, 4)
    d.fill(ellipse(x - 9, y - 28, 3.4, 8, 12), (255, 240, 190))


def _bowl(d: Drawing, left: Place, right: Place, p: Palette) -> None:
    x, y = _middle(left, right)
    for k in (0, 9):
        d.line(np.array([(x + 6 + k, y - 8), (x + 30 + k, y - 46)]), 7)
        d.line(np.array([(x + 6 + k, y - 8), (x + 30 + k, y - 46)]), 3, hex_colour("#d08a4e"))
    d.shape(ellipse(x, y - 9, 29, 13), WHITE)
    d.shape(arc(x, y - 6, 33, 33, 0, 180), RED)
    d.line(np.array([(x - 25, y + 5), (x + 25, y + 5)]), 3.6, WHITE)


def _megaphone(d: Drawing, left: Place, right: Place, p: Palette) -> None:
    with d.under(move(right[0] - 4, right[1] - 12), rotate(-18)):
        d.shape(spline([(-22, -8), (-8, -9), (30, -28), (34, 0), (30, 28), (-8, 9), (-22, 8)], n=5), RED)
        d.shape(ellipse(31, 0, 8, 28), CREAM, 4.4)


def _magnifier(d: Drawing, left: Place, right: Place, p: Palette) -> None:
    x, y = right[0], right[1] - 34
    d.line(np.array([(x, y + 18), (x, y + 44)]), 12)
    d.line(np.array([(x, y + 18), (x, y + 44)]), 6, BROWN)
    d.shape(ellipse(x, y, 22), (206, 238, 255), 7)
    d.line(arc(x, y, 14, 14, 190, 260), 4, WHITE)


def _umbrella(d: Drawing, left: Place, right: Place, p: Palette) -> None:
    x, y = right[0] - 46, right[1] - 136
    d.line(np.array([(right[0], right[1] + 14), (right[0], y + 20)]), 9)
    d.line(np.array([(right[0], right[1] + 14), (right[0], y + 20)]), 4.4, BROWN)
    top = np.concatenate(
        [
            arc(x, y + 24, 86, 58, 180, 360, 30),
            arc(x + 64.5, y + 24, 21.5, 9, 0, -180, 10),
            arc(x + 21.5, y + 24, 21.5, 9, 0, -180, 10),
            arc(x - 21.5, y + 24, 21.5, 9, 0, -180, 10),
            arc(x - 64.5, y + 24, 21.5, 9, 0, -180, 10),
        ]
    )
    d.shape(top, p.accent)
    for k in (-43, 0, 43):
        d.line(quadratic((x, y - 34), (x + k * 0.9, y - 16), (x + k, y + 22)), 3)


PROPS: dict[str, Prop] = {
    "big_heart": _big_heart, "mug": _mug, "mug_middle": _mug_middle, "flowers": _flowers, "gift": _gift,
    "cake": _cake, "popcorn": _popcorn, "phone": _phone, "flag": _flag, "sign": _sign, "pillow": _pillow,
    "balloon": _balloon, "trophy": _trophy, "bowl": _bowl, "megaphone": _megaphone, "magnifier": _magnifier,
    "umbrella": _umbrella,
}  # fmt: skip
BEHIND_HANDS = frozenset({"umbrella", "balloon", "flag", "trophy", "magnifier", "megaphone"})
