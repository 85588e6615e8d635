"""Eyes and brows, each kind a small function of one eye; `side` is -1 for the left one on screen."""

# ruff: noqa: E501 - a row of a table, or an outline, stays on one line

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from retriever.starter.draw.canvas import Drawing
from retriever.starter.draw.geometry import Points, arc, ellipse, heart, polygon_star, quadratic, spline
from retriever.starter.draw.palette import Palette
from retriever.starter.draw.rig import Face

__all__ = ["BROWS", "EYES", "draw_brows", "draw_eyes"]

WHITE = (255, 255, 255)
TEAR = (120, 196, 250)
Eye = Callable[[Drawing, float, float, int, Face, Palette], None]


def _ball(d: Drawing, x: float, y: float, f: Face, p: Palette, grow: float = 1.0) -> None:
    if f.white_eyes:
        d.shape(ellipse(x, y, f.eye_rx * 1.75 * grow, f.eye_rx * 1.75 * grow), WHITE, 4.0)


def _shine(d: Drawing, x: float, y: float, rx: float, ry: float) -> None:
    d.fill(ellipse(x - rx * 0.28, y - ry * 0.36, rx * 0.4, ry * 0.36), WHITE)
    d.fill(ellipse(x + rx * 0.36, y + ry * 0.42, rx * 0.2, ry * 0.18), WHITE)


def _open(d: Drawing, x: float, y: float, side: int, f: Face, p: Palette) -> None:
    _ball(d, x, y, f, p)
    d.fill(ellipse(x, y, f.eye_rx, f.eye_ry), p.ink)
    _shine(d, x, y, f.eye_rx, f.eye_ry)


def _big(d: Drawing, x: float, y: float, side: int, f: Face, p: Palette) -> None:
    _ball(d, x, y, f, p, 1.1)
    rx, ry = f.eye_rx * 1.35, f.eye_ry * 1.3
    d.fill(ellipse(x, y, rx, ry), p.ink)
    d.fill(ellipse(x - rx * 0.25, y - ry * 0.34, rx * 0.45, ry * 0.4), WHITE)
    d.fill(ellipse(x + rx * 0.34, y + ry * 0.4, rx * 0.27, ry * 0.24), WHITE)


def _starry(d: Drawing, x: float, y: float, side: int, f: Face, p: Palette) -> None:
    r = max(f.eye_rx, f.eye_ry) * 1.55
    d.fill(ellipse(x, y, r, r), p.ink)
    d.fill(polygon_star(x, y + 0.5, r * 0.86, r * 0.4, 5), (255, 214, 64))


def _hearts(d: Drawing, x: float, y: float, side: int, f: Face, p: Palette) -> None:
    d.shape(heart(x, y, max(f.eye_rx, f.eye_ry) * 3.0, side * 8), (244, 63, 94), 3.4)


def _teary(d: Drawing, x: float, y: float, side: int, f: Face, p: Palette) -> None:
    _ball(d, x, y, f, p, 1.1)
    rx, ry = f.eye_rx * 1.35, f.eye_ry * 1.25
    outline = ellipse(x, y, rx, ry)
    d.fill(outline, p.ink)
    d.fill(ellipse(x, y + ry * 1.0, rx * 1.1, ry * 0.72), (96, 150, 214), outline)
    d.fill(ellipse(x - rx * 0.25, y - ry * 0.36, rx * 0.46, ry * 0.38), WHITE)
    d.fill(ellipse(x + rx * 0.34, y + ry * 0.3, rx * 0.24, ry * 0.2), WHITE)
    drop_x = x + side * rx * 0.9
    d.shape(_drop(drop_x, y + ry * 1.2, 5.4), TEAR, 2.8)


def _drop(x: float, y: float, r: float) -> Points:
    return spline([(x, y - r * 1.5), (x + r * 0.8, y), (x + r * 0.6, y + r * 0.8), (x, y + r), (x - r * 0.6, y + r * 0.8), (x - r * 0.8, y)], n=6)  # fmt: skip


def _smile(d: Drawing, x: float, y: float, side: int, f: Face, p: Palette) -> None:
    rx = max(f.eye_rx * 1.35, 10.5)
    d.line(arc(x, y + 5, rx, rx * 1.05, 198, 342), 5.4)


def _sleep(d: Drawing, x: float, y: float, side: int, f: Face, p: Palette) -> None:
    rx = max(f.eye_rx * 1.35, 10.5)
    d.line(arc(x, y - 4, rx, rx * 0.9, 18, 162), 5.0)


def _squeeze(d: Drawing, x: float, y: float, side: int, f: Face, p: Palette) -> None:
    r = max(f.eye_rx * 1.2, 10.0)
    d.line(
        np.array([(x + side * r, y - r * 0.85), (x - side * r * 0.8, y), (x + side * r, y + r * 0.85)]), 5.2
    )


def _weep(d: Drawing, x: float, y: float, side: int, f: Face, p: Palette) -> None:
    rx = max(f.eye_rx * 1.35, 10.5)
    stream = spline([(x - 6, y), (x + 6, y), (x + side * 3 + 8, y + 26), (x + side * 4 + 7, y + 44), (x + side * 4 - 7, y + 44), (x + side * 3 - 8, y + 26)], n=6)  # fmt: skip
    d.shape(stream, TEAR, 3.2, (70, 140, 214))
    d.line(np.array([(x + side, y + 10), (x + side * 4, y + 36)]), 2.6, WHITE)
    d.line(arc(x, y - 5, rx, rx * 0.8, 15, 165), 5.4)


def _wide(d: Drawing, x: float, y: float, side: int, f: Face, p: Palette) -> None:
    r = max(f.eye_rx, f.eye_ry) * 1.42
    d.shape(ellipse(x, y, r, r * 1.08), WHITE, 4.2)
    d.fill(ellipse(x, y, 3.4, 3.8), p.ink)


def _dead(d: Drawing, x: float, y: float, side: int, f: Face, p: Palette) -> None:
    r = max(f.eye_rx, f.eye_ry) * 1.3
    d.shape(ellipse(x, y, r, r), WHITE, 4.2)


def _half(d: Drawing, x: float, y: float, side: int, f: Face, p: Palette) -> None:
    _lidded(d, x, y, f, p, shift=0.0, slant=0.0)


def _aside(d: Drawing, x: float, y: float, side: int, f: Face, p: Palette) -> None:
    _lidded(d, x, y, f, p, shift=0.42, slant=0.0)


def _lidded(d: Drawing, x: float, y: float, f: Face, p: Palette, shift: float, slant: float) -> None:
    r = max(f.eye_rx, f.eye_ry) * 1.28
    lower = arc(x, y, r, r, 0, 180)
    d.shape(lower, WHITE, 4.0)
    d.fill(ellipse(x + r * shift, y + r * 0.16, r * 0.5, r * 0.56), p.ink, lower)
    d.line(np.array([(x - r * 1.12, y - slant), (x + r * 1.12, y + slant)]), 5.0)


def _glare(d: Drawing, x: float, y: float, side: int, f: Face, p: Palette) -> None:
    r = max(f.eye_rx, f.eye_ry) * 1.25
    rim = np.concatenate([[(x + side * r * 1.05, y - r * 0.55)], arc(x, y, r, r, 0 if side > 0 else 180, 180 if side > 0 else 0)[1:-1],
                          [(x - side * r * 1.0, y + r * 0.15)]])  # fmt: skip
    d.shape(rim, WHITE, 4.0)
    d.fill(ellipse(x - side * r * 0.15, y + r * 0.3, r * 0.42, r * 0.46), p.ink, rim)


def _dizzy(d: Drawing, x: float, y: float, side: int, f: Face, p: Palette) -> None:
    r = max(f.eye_rx, f.eye_ry) * 1.35
    t = np.linspace(0.6, 4.6 * np.pi, 44)
    radius = r * t / t[-1]
    d.fill(ellipse(x, y, r * 1.1, r * 1.1), WHITE)
    d.line(np.stack([x + radius * np.cos(t * side), y + radius * np.sin(t * side)], axis=1), 3.4)


def _cross(d: Drawing, x: float, y: float, side: int, f: Face, p: Palette) -> None:
    r = max(f.eye_rx, 8.5)
    d.line(np.array([(x - r, y - r), (x + r, y + r)]), 5.2)
    d.line(np.array([(x - r, y + r), (x + r, y - r)]), 5.2)


def _wink(d: Drawing, x: float, y: float, side: int, f: Face, p: Palette) -> None:
    (_open if side < 0 else _smile)(d, x, y, side, f, p)


def _up(d: Drawing, x: float, y: float, side: int, f: Face, p: Palette) -> None:
    r = max(f.eye_rx, f.eye_ry) * 1.28
    rim = ellipse(x, y, r, r)
    d.shape(rim, WHITE, 4.0)
    d.fill(ellipse(x + r * 0.3, y - r * 0.42, r * 0.46, r * 0.5), p.ink, rim)


def _line(d: Drawing, x: float, y: float, side: int, f: Face, p: Palette) -> None:
    r = max(f.eye_rx * 1.35, 10.5)
    d.line(np.array([(x - r, y), (x + r, y)]), 5.4)


def _cool(d: Drawing, x: float, y: float, side: int, f: Face, p: Palette) -> None:
    r = max(f.eye_dx * 0.82, 19.0)
    lens = spline([(x - r, y - 11), (x, y - 12), (x + r, y - 11), (x + r * 0.86, y + 8), (x, y + 13), (x - r * 0.86, y + 8)], n=6)  # fmt: skip
    d.shape(lens, (34, 34, 46), 4.0, (20, 20, 28))
    d.line(np.array([(x - r * 0.45, y + 4), (x - r * 0.1, y - 7)]), 4.0, (150, 160, 190))
    if side > 0:
        d.line(np.array([(-x + r, y - 8), (x - r, y - 8)]), 5.0, (20, 20, 28))


EYES: dict[str, Eye] = {
    "open": _open, "big": _big, "starry": _starry, "hearts": _hearts, "teary": _teary, "smile": _smile,
    "sleep": _sleep, "squeeze": _squeeze, "weep": _weep, "wide": _wide, "blank": _dead, "half": _half,
    "aside": _aside, "glare": _glare, "dizzy": _dizzy, "cross": _cross, "wink": _wink, "up": _up,
    "line": _line, "cool": _cool,
}  # fmt: skip

BROWS: dict[str, tuple[float, float, float]] = {
    # inner end's height, outer end's height, arch; units above the eye, positive is higher
    "angry": (-6.0, 6.0, 0.0), "sad": (6.0, -4.0, 2.0), "raised": (5.0, 3.0, 5.0), "flat": (0.0, 0.0, 0.0),
    "firm": (-2.0, 3.0, 1.0),
}  # fmt: skip


def draw_eyes(d: Drawing, kind: str, face: Face, p: Palette) -> None:
    """Both eyes, about the head's centre."""
    for side in (-1, 1):
        EYES[kind](d, side * face.eye_dx, face.eye_y, side, face, p)


def draw_brows(d: Drawing, kind: str, face: Face) -> None:
    """Both brows; `skeptical` raises one and lowers the other."""
    for side in (-1, 1):
        which = {"skeptical": "angry" if side < 0 else "raised"}.get(kind, kind)
        inner, outer, bend = BROWS[which]
        lift = 5.0 if which == "raised" else 0.0
        y = (
            face.eye_y
            - max(face.eye_ry, face.eye_rx) * (0.95 if face.white_eyes else 1.5)
            - 5.0
            - lift * (0.4 if face.white_eyes else 1)
        )
        x0, x1 = side * (face.eye_dx - 11), side * (face.eye_dx + 11)
        d.line(
            quadratic((x0, y - inner), ((x0 + x1) / 2, y - (inner + outer) / 2 - bend), (x1, y - outer)), 5.2
        )
