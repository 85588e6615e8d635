"""Arms and hands: a bent limb from the shoulder to a landmark, with one of six hands at its end."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from retriever.starter.draw.canvas import LINE_WIDTH, Drawing
from retriever.starter.draw.geometry import Points, ellipse, move, quadratic, rotate, scale
from retriever.starter.draw.palette import Palette
from retriever.starter.draw.rig import Rig

__all__ = ["Arm", "draw_arm"]


@dataclass(frozen=True, slots=True)
class Arm:
    """How one arm is held.

    Attributes:
        place: a landmark of the rig.
        hand: paw, open, fist, thumb, point or v.
        bend: how far the elbow bulges outwards, as a share of the arm's length.
        front: painted over the head and body, else behind the head.
        dx, dy: a shift from the landmark, outwards and downwards.
    """

    place: str
    hand: str = "paw"
    bend: float = 0.25
    front: bool = True
    dx: float = 0.0
    dy: float = 0.0

    def target(self, rig: Rig) -> tuple[float, float]:
        """Where the right hand goes, about the neck."""
        x, y = rig.landmark(self.place)
        return x + self.dx, y + self.dy


def draw_arm(d: Drawing, arm: Arm, rig: Rig, p: Palette, side: int, swing: float = 0.0) -> None:
    """Paint the arm on `side` (1 is right on screen); `swing` turns a hand about its elbow, degrees."""
    with d.under(scale(side, 1)):
        start, stop = np.array(rig.shoulder), np.array(arm.target(rig))
        far = float(np.hypot(*(stop - start)))
        if arm.front and far > rig.reach:
            start = stop + (start - stop) * (rig.reach / far)
        if swing:
            stop = _turn(stop, (start + stop) / 2, swing)
        span = stop - start
        normal = np.array([-span[1], span[0]]) / max(float(np.hypot(*span)), 1e-6)
        if normal[0] < 0:
            normal = -normal
        elbow = (start + stop) / 2 + normal * float(np.hypot(*span)) * arm.bend
        curve = quadratic(tuple(start), tuple(elbow), tuple(stop))
        angle = math.degrees(math.atan2(*(curve[-1] - curve[-5])[::-1]))
        _limb_and_hand(d, curve, tuple(stop), angle, arm.hand, rig, p)


def _turn(point: Points, about: Points, degrees: float) -> Points:
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    x, y = point - about
    return np.asarray(about + np.array([c * x - s * y, s * x + c * y]))


def _limb_and_hand(
    d: Drawing, curve: Points, stop: tuple[float, ...], angle: float, hand: str, rig: Rig, p: Palette
) -> None:
    colour, r = rig.arm_colour(p), rig.hand
    rim = LINE_WIDTH * 1.6
    parts = _hand_parts(hand, r)
    with d.under(move(*stop), rotate(_heading(hand, angle))):
        for points, width in parts:
            d.line(points, width + rim)
        d.line(ellipse(0, 0, r * 0.5), r + rim, closed=True)
    d.limb(curve, rig.arm_width, colour)
    with d.under(move(*stop), rotate(_heading(hand, angle))):
        for points, width in parts:
            d.line(points, width, colour)
        d.fill(ellipse(0, 0, r), colour)
        _details(d, hand, r, p, rig.pads)


def _heading(hand: str, angle: float) -> float:
    if hand in ("thumb", "v"):
        return 0.0
    return angle + 90.0 if hand in ("open", "fist", "point") else 0.0


def _hand_parts(hand: str, r: float) -> list[tuple[Points, float]]:
    """Fingers as strokes; a hand points up (negative y)."""
    if hand == "open":
        return [
            (np.array([(0.0, 0.0), (x * r, y * r)]), r * 0.62)
            for x, y in ((-0.86, -0.72), (-0.3, -1.16), (0.32, -1.14), (0.9, -0.66))
        ]
    if hand == "thumb":
        return [(quadratic((-0.1 * r, -0.4 * r), (-0.35 * r, -1.0 * r), (-0.2 * r, -1.7 * r)), r * 0.74)]
    if hand == "point":
        return [(np.array([(0.0, 0.0), (0.0, -1.95 * r)]), r * 0.66)]
    if hand == "v":
        return [(np.array([(0.0, 0.0), (x * r, -1.85 * r)]), r * 0.58) for x in (-0.62, 0.62)]
    return []


def _details(d: Drawing, hand: str, r: float, p: Palette, pads: bool) -> None:
    if hand == "open" and pads:
        d.fill(ellipse(0, 0.22 * r, 0.5 * r, 0.42 * r), p.blush)
        for x, y in ((-0.78, -0.62), (-0.28, -1.0), (0.3, -0.98), (0.8, -0.56)):
            d.fill(ellipse(x * r, y * r, 0.19 * r), p.blush)
    elif hand in ("fist", "thumb", "v"):
        for y in (-0.28, 0.12, 0.5) if hand == "thumb" else ():
            d.line(np.array([(0.2 * r, y * r), (0.78 * r, y * r)]), 2.6)
        for x in (-0.34, 0.0, 0.34) if hand == "fist" else ():
            d.line(np.array([(x * r, -0.72 * r), (x * r, -0.25 * r)]), 2.6)
        if hand == "v":
            d.line(quadratic((-0.55 * r, 0.1 * r), (0, 0.35 * r), (0.5 * r, 0.05 * r)), 2.6)
