"""How animated stickers move: for every phase of the loop, how the figure is shifted and bent."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["FRAMES", "MOTIONS", "Shift"]

FRAMES = 10
"""Frames of one loop."""
FRAME_MS = 90


@dataclass(frozen=True, slots=True)
class Shift:
    """How a frame differs from the still drawing.

    Attributes:
        dx, dy: of the whole figure, units.
        squash: height over the still height; the width makes up for it.
        lean, tilt: of the figure and of the head, degrees.
        swing_left, swing_right: of the hands about the elbows, degrees.
        phase: of the effects' own cycle, in (0, 1].
    """

    dx: float = 0.0
    dy: float = 0.0
    squash: float = 1.0
    lean: float = 0.0
    tilt: float = 0.0
    swing_left: float = 0.0
    swing_right: float = 0.0
    phase: float = 0.0


def _sin(t: float, turns: int = 1, shift: float = 0.0) -> float:
    return math.sin(2 * math.pi * (turns * t + shift))


def _bounce(t: float) -> Shift:
    height = abs(math.sin(math.pi * t))
    return Shift(dy=-26 * height, squash=0.9 + 0.16 * min(1.0, height * 1.6), phase=t + 0.01)


def _wave(t: float) -> Shift:
    return Shift(tilt=3 * _sin(t), swing_right=16 * _sin(t, 2), phase=t + 0.01)


def _laugh(t: float) -> Shift:
    return Shift(dy=-5 * abs(_sin(t, 2)), squash=1 + 0.035 * _sin(t, 4), tilt=4 * _sin(t), phase=t + 0.01)


def _sob(t: float) -> Shift:
    return Shift(dy=-2.5 * abs(_sin(t, 2)), squash=1 + 0.03 * _sin(t, 2), phase=t + 0.01)


def _sway(t: float) -> Shift:
    return Shift(
        lean=7 * _sin(t),
        tilt=-5 * _sin(t),
        dy=-4 * abs(_sin(t)),
        swing_left=8 * _sin(t),
        swing_right=8 * _sin(t),
        phase=t + 0.01,
    )


def _shake(t: float) -> Shift:
    return Shift(dx=3.2 * _sin(t, 3), tilt=2.0 * _sin(t, 3, 0.25), phase=t + 0.01)


def _breathe(t: float) -> Shift:
    return Shift(squash=1 + 0.035 * _sin(t), phase=t + 0.01)


def _clap(t: float) -> Shift:
    return Shift(
        dy=-5 * abs(_sin(t)), swing_left=11 * _sin(t, 2), swing_right=11 * _sin(t, 2), phase=t + 0.01
    )


def _float(t: float) -> Shift:
    return Shift(dy=-4 * _sin(t), tilt=4 * _sin(t, 1, 0.25), phase=t + 0.01)


MOTIONS: dict[str, Callable[[float], Shift]] = {
    "bounce": _bounce, "wave": _wave, "laugh": _laugh, "sob": _sob, "sway": _sway, "shake": _shake,
    "breathe": _breathe, "clap": _clap, "float": _float,
}  # fmt: skip
