"""Outlines as ``(n, 2)`` float arrays in sticker units, y downwards, and the affine maps that move them."""

# ruff: noqa: E501 - a row of a table, or an outline, stays on one line

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Affine", "Points", "arc", "compose", "ellipse", "heart", "identity", "mirror", "move", "polygon_star", "quadratic",
    "rotate", "rounded_rect", "scale", "spline", "squircle", "transform",
]  # fmt: skip

Points = NDArray[np.float64]
Affine = NDArray[np.float64]
"""A 2x3 matrix; the product ``compose(a, b)`` applies b first."""


def identity() -> Affine:
    """The map that moves nothing."""
    return np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])


def move(dx: float, dy: float) -> Affine:
    """A shift."""
    return np.array([[1.0, 0.0, dx], [0.0, 1.0, dy]])


def rotate(degrees: float, cx: float = 0.0, cy: float = 0.0) -> Affine:
    """A turn about ``(cx, cy)``, clockwise on screen for positive degrees."""
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return np.array([[c, -s, cx - c * cx + s * cy], [s, c, cy - s * cx - c * cy]])


def scale(sx: float, sy: float | None = None, cx: float = 0.0, cy: float = 0.0) -> Affine:
    """A stretch that leaves ``(cx, cy)`` where it is."""
    sy = sx if sy is None else sy
    return np.array([[sx, 0.0, cx - sx * cx], [0.0, sy, cy - sy * cy]])


def compose(first: Affine, *rest: Affine) -> Affine:
    """The map that applies the last argument first and `first` last."""
    out = np.vstack([first, (0.0, 0.0, 1.0)])
    for matrix in rest:
        out = out @ np.vstack([matrix, (0.0, 0.0, 1.0)])
    return np.asarray(out[:2])


def transform(points: Points, matrix: Affine) -> Points:
    """`points` ``(n, 2)`` under `matrix`."""
    return points @ matrix[:, :2].T + matrix[:, 2]


def _angles(n: int) -> Points:
    return np.linspace(0.0, 2 * math.pi, n, endpoint=False)


def ellipse(
    cx: float, cy: float, rx: float, ry: float | None = None, angle: float = 0.0, n: int = 40
) -> Points:
    """A closed ellipse, turned by `angle` degrees about its centre."""
    t = _angles(n)
    points = np.stack([rx * np.cos(t), (rx if ry is None else ry) * np.sin(t)], axis=1)
    return transform(points, compose(move(cx, cy), rotate(angle)))


def squircle(
    cx: float, cy: float, rx: float, ry: float, power: float = 2.4, jowl: float = 0.0, n: int = 64
) -> Points:
    """A superellipse: `power` 2 is an ellipse, more is boxier; `jowl` widens the lower half (a share of rx)."""
    t = _angles(n)
    c, s = np.cos(t), np.sin(t)
    x = np.sign(c) * np.abs(c) ** (2 / power)
    y = np.sign(s) * np.abs(s) ** (2 / power)
    return np.stack([cx + rx * x * (1 + jowl * y), cy + ry * y], axis=1)


def rounded_rect(x0: float, y0: float, x1: float, y1: float, radius: float) -> Points:
    """A rectangle with round corners."""
    corners = [(x1 - radius, y1 - radius, 0), (x0 + radius, y1 - radius, 90),
               (x0 + radius, y0 + radius, 180), (x1 - radius, y0 + radius, 270)]  # fmt: skip
    return np.concatenate([arc(cx, cy, radius, radius, a, a + 90, 8) for cx, cy, a in corners])


def arc(cx: float, cy: float, rx: float, ry: float, start: float, stop: float, n: int = 20) -> Points:
    """An open arc from `start` to `stop` degrees; 0 points right, 90 down."""
    t = np.radians(np.linspace(start, stop, n))
    return np.stack([cx + rx * np.cos(t), cy + ry * np.sin(t)], axis=1)


def quadratic(a: Sequence[float], control: Sequence[float], b: Sequence[float], n: int = 18) -> Points:
    """A quadratic Bezier curve from `a` to `b`."""
    t = np.linspace(0.0, 1.0, n)[:, None]
    p0, p1, p2 = np.asarray(a, float), np.asarray(control, float), np.asarray(b, float)
    return np.asarray((1 - t) ** 2 * p0 + 2 * t * (1 - t) * p1 + t**2 * p2)


def spline(points: Sequence[Sequence[float]], closed: bool = True, n: int = 8) -> Points:
    """A Catmull-Rom curve through `points`; closed, or open from the first to the last."""
    p = np.asarray(points, float)
    p = np.concatenate([p[-1:], p, p[:2]] if closed else [p[:1], p, p[-1:]])
    t = np.linspace(0.0, 1.0, n, endpoint=False)[:, None]
    pieces = []
    for a, b, c, d in zip(p[:-3], p[1:-2], p[2:-1], p[3:], strict=True):
        pieces.append(
            0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
        )
    if not closed:
        pieces.append(p[-2:-1])
    return np.concatenate(pieces)


def heart(cx: float, cy: float, size: float, angle: float = 0.0) -> Points:
    """A plump heart about `size` wide."""
    t = _angles(48)
    x = 16 * np.sin(t) ** 3
    y = -(13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t))
    points = np.stack([x, y * 1.02 + 2], axis=1) * (size / 32)
    return transform(points, compose(move(cx, cy), rotate(angle)))


def polygon_star(cx: float, cy: float, outer: float, inner: float, tips: int, angle: float = -90.0) -> Points:
    """A star with `tips` points, the first at `angle` degrees."""
    t = np.radians(angle + np.arange(2 * tips) * 180.0 / tips)
    r = np.where(np.arange(2 * tips) % 2 == 0, outer, inner)
    return np.stack([cx + r * np.cos(t), cy + r * np.sin(t)], axis=1)


def mirror(points: Points, cx: float = 0.0) -> Points:
    """`points` reflected left to right about the line x = cx."""
    return points * (-1.0, 1.0) + (2 * cx, 0.0)
