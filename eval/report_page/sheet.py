"""A table as plain data: what HTML, Markdown and LaTeX are all made from. Text in it is never escaped."""

import math
from dataclasses import dataclass
from typing import Literal

__all__ = ["Cell", "Head", "Sheet", "cell", "interval_text", "p_text", "percent", "points"]

Mark = Literal["", "best", "near", "low", "reference", "published", "skipped"]
"""Why a cell or row stands out: the best; not clearly below the best; not above chance; no contender."""


@dataclass(frozen=True, slots=True)
class Head:
    """A column's head.

    Attributes:
        title: what stands there.
        group: what stands over it and its neighbours of the same group, or "".
        numeric: numbers are aligned right.
        help: a sentence that explains it, or "".
    """

    title: str
    group: str = ""
    numeric: bool = True
    help: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: its text, a smaller second line, and why it stands out."""

    text: str
    under: str = ""
    mark: Mark = ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """One table.

    Attributes:
        key: short and unique on a page; letters, digits and dashes.
        title: over it.
        head: its columns.
        rows: each as long as the head.
        notes: sentences below it.
        context: what it is about, where the headings around it do not say so.
    """

    key: str
    title: str
    head: tuple[Head, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()
    context: str = ""

    @property
    def groups(self) -> list[tuple[str, int]]:
        """Neighbouring columns of one group: (title, columns); empty without any group."""
        if not any(head.group for head in self.head):
            return []
        found: list[tuple[str, int]] = []
        for head in self.head:
            if found and found[-1][0] == head.group:
                found[-1] = (head.group, found[-1][1] + 1)
            else:
                found.append((head.group, 1))
        return found


def cell(text: object, under: str = "", mark: Mark = "") -> Cell:
    """A cell of anything that has a text; None is an empty one."""
    return Cell("" if text is None else str(text), under, mark)


def percent(value: float | None, digits: int = 1) -> str:
    """A share in percent without the sign: 0.548 is ``54.8``."""
    if value is None or not math.isfinite(value):
        return ""
    return f"{100 * value:.{digits}f}"


def points(value: float) -> str:
    """A difference of shares in percentage points, always with its sign."""
    text = f"{100 * value:+.1f}"
    return text.replace("-0.0", "0.0").replace("+0.0", "0.0").replace("-", "−")


def interval_text(low: float | None, high: float | None, signed: bool = False) -> str:
    """``[51.9, 57.7]``, in percent; "" where there is none."""
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        return ""
    form = points if signed else percent
    return f"[{form(low)}, {form(high)}]"


def p_text(p: float) -> str:
    """A p-value for people: three digits after the point, or ``<0.001``."""
    return "<0.001" if p < 0.001 else f"{p:.3f}"
