"""A drawing as a list of strokes and fills in sticker units, so that it can be measured before it is painted."""

# ruff: noqa: E501 - a row of a table, or an outline, stays on one line

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from retriever.starter.draw.geometry import Affine, Points, compose, identity, transform

__all__ = ["Drawing", "Fill", "Glyph", "Line"]

Colour = tuple[int, int, int] | tuple[int, int, int, int]
LINE_WIDTH = 5.2
"""Width of the contour, in units of a 256-unit sticker."""


@dataclass(frozen=True, slots=True)
class Fill:
    """A filled outline; with `within`, only the part inside that outline is painted."""

    points: Points
    colour: Colour
    within: Points | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A stroke with round ends and joins; `closed` joins the last point to the first."""

    points: Points
    colour: Colour
    width: float
    closed: bool = False
    round_start: bool = True
    round_stop: bool = True


@dataclass(frozen=True, slots=True)
class Glyph:
    """One letter of a caption, centred on `centre`, `size` units high, turned by `angle` degrees."""

    text: str
    centre: tuple[float, float]
    size: float
    angle: float
    colour: Colour
    outline: Colour
    outline_width: float
    box: tuple[float, float]
    """Half width and half height, units, for measuring."""


Op = Fill | Line | Glyph


class Drawing:
    """Records fills and strokes under the current map.

    Attributes:
        ops: what was recorded, in painting order.
        ink: the colour of contours.
    """

    def __init__(self, ink: Colour = (52, 38, 43)) -> None:
        self.ops: list[Op] = []
        self.ink = ink
        self._matrix = identity()

    @contextmanager
    def under(self, *matrices: Affine) -> Iterator[None]:
        """Everything recorded inside is mapped by the product of `matrices` (last applied first)."""
        before = self._matrix
        self._matrix = compose(before, *matrices)
        try:
            yield
        finally:
            self._matrix = before

    @property
    def matrix(self) -> Affine:
        """The current map."""
        return self._matrix

    @property
    def unit(self) -> float:
        """How long one unit is under the current map."""
        return float(abs(np.linalg.det(self._matrix[:, :2])) ** 0.5)

    def fill(self, points: Points, colour: Colour, within: Points | None = None) -> None:
        """Paint an outline's inside, without contour."""
        clip = None if within is None else transform(within, self._matrix)
        self.ops.append(Fill(transform(points, self._matrix), colour, clip))

    def line(
        self, points: Points, width: float = LINE_WIDTH, colour: Colour | None = None, closed: bool = False
    ) -> None:
        """Stroke a curve with round ends."""
        ink = self.ink if colour is None else colour
        self.ops.append(Line(transform(points, self._matrix), ink, width * self.unit, closed))

    def shape(
        self, points: Points, colour: Colour, width: float = LINE_WIDTH, ink: Colour | None = None
    ) -> None:
        """Paint a closed outline with its contour lying half outside."""
        self.line(points, width, ink, closed=True)
        self.fill(points, colour)
        self.line(points, width * 0.62, ink, closed=True)

    def limb(self, points: Points, width: float, colour: Colour, open_start: bool = True) -> None:
        """A stroke `width` thick with a contour on both sides and at its far end; open where it is attached."""
        at = transform(points, self._matrix)
        outer, inner = (width + LINE_WIDTH * 1.6) * self.unit, width * self.unit
        self.ops.append(Line(at, self.ink, outer, round_start=not open_start))
        self.ops.append(Line(at, colour, inner))

    def glyph(self, glyph: Glyph) -> None:
        """Place a letter; captions are set outside any map."""
        self.ops.append(glyph)

    def extend(self, other: Drawing) -> None:
        """Paint what `other` recorded, under the current map (letters excepted)."""
        for op in other.ops:
            if isinstance(op, Fill):
                self.fill(op.points, op.colour, op.within)
            elif isinstance(op, Line):
                points = transform(op.points, self._matrix)
                self.ops.append(
                    Line(points, op.colour, op.width * self.unit, op.closed, op.round_start, op.round_stop)
                )

    def bounds(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of everything recorded."""
        return bounds(self.ops)


def bounds(ops: Sequence[Op]) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of `ops`, strokes' widths included."""
    low, high = [], []
    for op in ops:
        if isinstance(op, Glyph):
            low.append((op.centre[0] - op.box[0], op.centre[1] - op.box[1]))
            high.append((op.centre[0] + op.box[0], op.centre[1] + op.box[1]))
            continue
        points = op.points
        if isinstance(op, Fill) and op.within is not None:
            continue
        half = op.width / 2 if isinstance(op, Line) else 0.0
        low.append(tuple(points.min(axis=0) - half))
        high.append(tuple(points.max(axis=0) + half))
    left, top = np.min(low, axis=0)
    right, bottom = np.max(high, axis=0)
    return float(left), float(top), float(right), float(bottom)
