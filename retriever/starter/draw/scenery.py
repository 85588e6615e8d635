"""What figures stand on, lie under or hide behind."""

from __future__ import annotations

import numpy as np

from retriever.starter.draw.canvas import Drawing
from retriever.starter.draw.geometry import Affine, ellipse, move, rounded_rect, scale, spline
from retriever.starter.draw.palette import Palette, hex_colour
from retriever.starter.draw.rig import Rig

__all__ = ["draw_front", "draw_ground"]

WOOD, WOOD_DARK = hex_colour("#d9a066"), hex_colour("#b97f48")
CARD, CARD_DARK = hex_colour("#d8a871"), hex_colour("#b98550")
QUILT, QUILT_SPOT = hex_colour("#8fb8ff"), hex_colour("#ffffff")
DUST = hex_colour("#e6dccb")


def draw_ground(d: Drawing, kind: str, rig: Rig) -> None:
    """Behind the figure: the strokes of a hop, dust or a pillow."""
    if kind == "hop":
        for side in (-1, 1):
            for x, length in ((rig.foot[0] + 34, 20), (rig.foot[0] + 48, 13)):
                d.line(np.array([(side * x, rig.ground - 14), (side * (x + 3), rig.ground - 14 + length)]), 5)
    elif kind == "dust":
        x, y = -rig.head_rx - 4, rig.ground - 14
        puffs = ((0, 0, 13), (-18, 4, 10), (-12, -12, 8), (-32, 6, 6))
        for dx, up, r in puffs:
            d.line(ellipse(x + dx, y + up, r), 6, closed=True)
        for dx, up, r in puffs:
            d.fill(ellipse(x + dx, y + up, r), DUST)
        for k in (-56, -30, -4):
            d.line(np.array([(x - 14, y + k), (x - 40, y + k)]), 5)
    elif kind == "pillow":
        w, top = rig.head_rx + 26, rig.head_y - rig.head_ry * 0.55
        bottom = rig.head_y + rig.head_ry * 0.9
        d.shape(
            spline(
                [
                    (-w, top),
                    (0, top - 12),
                    (w, top),
                    (w - 6, (top + bottom) / 2),
                    (w, bottom),
                    (0, bottom + 4),
                    (-w, bottom),
                    (-w + 6, (top + bottom) / 2),
                ],
                n=8,
            ),
            (255, 255, 255),
        )


def draw_front(d: Drawing, kind: str, rig: Rig, p: Palette, head: Affine) -> None:
    """Over the body: wall, cardboard box or blanket, and the hands that the posture itself places."""
    if kind == "hands":
        _paws(d, rig, p, rig.head_rx * 0.62, rig.ground - 8)
    elif kind == "one_hand":
        with d.under(head):
            d.shape(ellipse(6, rig.head_ry - 2, rig.hand * 1.5, rig.hand), rig.arm_colour(p))
        with d.under(move(16, 24), scale(1.3, 0.8)):
            rig.tail(d, p, 0.0)
    elif kind == "wall":
        _wall(d, rig, p)
    elif kind == "box":
        _box(d, rig)
        _paws(d, rig, p, rig.head_rx * 0.5, _box_top(rig) + 3)
    elif kind == "blanket":
        _blanket(d, rig, p)


def _paws(d: Drawing, rig: Rig, p: Palette, x: float, y: float) -> None:
    for side in (-1, 1):
        r = rig.hand * 1.05
        d.shape(ellipse(side * x, y, r, r * 0.92), rig.arm_colour(p))
        for k in (-0.34, 0.34):
            d.line(np.array([(side * x + k * r, y + r * 0.2), (side * x + k * r, y + r * 0.7)]), 2.6)


def _wall(d: Drawing, rig: Rig, p: Palette) -> None:
    edge = rig.head_y + rig.face.mouth_y * 0.62 + 4
    w = rig.head_rx + 30
    board = rounded_rect(-w, edge, w, edge + 66, 7)
    d.shape(board, WOOD)
    for y in (edge + 24, edge + 46):
        d.line(np.array([(-w + 12, y), (w - 30, y)]), 3, WOOD_DARK)
    d.line(np.array([(w - 18, edge + 46), (w - 12, edge + 46)]), 3, WOOD_DARK)
    _paws(d, rig, p, rig.head_rx * 0.78, edge + 1)


def _box_top(rig: Rig) -> float:
    return max(rig.head_y + rig.head_ry - 2, 16.0) if rig.has_body else rig.head_y + rig.head_ry * 0.6


def _box(d: Drawing, rig: Rig) -> None:
    top = _box_top(rig)
    w = max(rig.body_rx + 26, 70.0) if rig.has_body else rig.head_rx + 8
    for s in (-1, 1):
        d.shape(
            np.array(
                [(s * w, top), (s * (w + 24), top + 20), (s * (w + 16), top + 34), (s * (w - 2), top + 14)]
            ),
            CARD,
        )
    front = np.array([(-w, top), (w, top), (w - 6, rig.ground + 4), (-w + 6, rig.ground + 4)])
    d.shape(front, CARD)
    d.fill(np.array([(-w, top), (w, top), (w, top + 9), (-w, top + 9)]), CARD_DARK, front)
    d.fill(
        np.array([(-11, top), (11, top), (11, rig.ground + 4), (-11, rig.ground + 4)]),
        hex_colour("#e9c79a"),
        front,
    )
    d.line(front, 3.4, closed=True)


def _blanket(d: Drawing, rig: Rig, p: Palette) -> None:
    top, w = rig.head_y + rig.head_ry - 8, rig.head_rx + 20
    if not rig.has_body:
        top = rig.head_y + rig.head_ry * 0.62
    quilt = spline(
        [
            (-w + 6, top + 4),
            (0, top - 5),
            (w - 6, top + 4),
            (w + 4, top + 40),
            (w + 8, top + 76),
            (0, top + 82),
            (-w - 8, top + 76),
            (-w - 4, top + 40),
        ],
        n=8,
    )
    d.shape(quilt, QUILT)
    for i, (x, y) in enumerate(((-52, 38), (-18, 54), (18, 36), (52, 54), (-66, 66), (66, 30), (0, 72))):
        d.fill(ellipse(x, top + y, 5 + i % 2), QUILT_SPOT, quilt)
    d.fill(
        spline(
            [
                (-w - 4, top - 4),
                (0, top - 12),
                (w + 4, top - 4),
                (w + 4, top + 16),
                (0, top + 12),
                (-w - 4, top + 16),
            ],
            n=8,
        ),
        (255, 255, 255),
        quilt,
    )
    d.line(quilt, 3.6, closed=True)
    _paws(d, rig, p, rig.head_rx * 0.5, top + 5)
