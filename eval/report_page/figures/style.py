"""How all figures look, and how they become files and parts of a page.

Colours are safe for the usual kinds of colour blindness, and never alone: every system also has a marker, and
its name stands beside its line where there is room. On a page they are CSS variables, so that a figure turns
dark with it.
"""

import io
import logging
import re
import unicodedata
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from retriever.extras import require
from retriever.visible import visible

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["GRID", "INK", "MUTED", "Drawing", "Look", "canvas", "finish", "looks", "place_labels", "short"]

INK, MUTED, GRID = "#1f2329", "#68707a", "#dfe3e8"
_SERIES = ("#0072b2", "#d55e00", "#00805c", "#a8327a", "#7d5e00", "#5b4fc9")
_MARKERS = ("o", "s", "^", "D", "v", "P")
_DASHES = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (6, 1.5, 1.5, 1.5)), (0, (3, 1)), (0, (8, 2)))
MOST_COLOURED = len(_SERIES)

_WIDE_FONTS = (
    "Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "WenQuanYi Micro Hei", "PingFang SC",
    "Microsoft YaHei", "SimHei", "Arial Unicode MS",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Look:
    """How one system is drawn wherever it appears."""

    colour: str
    marker: str
    dashes: object
    is_coloured: bool


@dataclass(frozen=True, slots=True)
class Drawing:
    """A finished figure.

    Attributes:
        key: the name of its files.
        title: over it.
        caption: what is seen, its units, n, and what was left out of it.
        inline: an ``<svg>`` element for a page, its colours CSS variables.
        svg, png: files.
    """

    key: str
    title: str
    caption: str
    inline: str
    svg: bytes
    png: bytes


def looks(systems: Sequence[str], contenders: Sequence[str]) -> dict[str, Look]:
    """A look for every system; the first contenders get a colour, all others are grey."""
    found = {name: Look(MUTED, ".", (0, (1, 1)), False) for name in systems}
    for at, name in enumerate(contenders[:MOST_COLOURED]):
        found[name] = Look(_SERIES[at], _MARKERS[at], _DASHES[at], True)
    return found


def short(name: str, most: int = 26) -> str:
    """A name that fits beside a line; an emoji is spelled out, as no plotting font has it."""
    text = visible(name)
    if text and len(text) <= 4 and all(ord(character) > 0x2000 for character in text):
        spelled = unicodedata.name(text[0], "").lower()
        if spelled and not spelled.startswith(("cjk", "hangul", "hiragana", "katakana")):
            text = spelled
    return visible(text, most)


@contextmanager
def canvas(key: str, width: float = 7.0, height: float = 3.6) -> "Iterator[tuple[Figure, Axes]]":
    """An empty figure with one pair of axes, inches.

    Raises:
        MissingExtra: matplotlib is not installed.
    """
    matplotlib = require("matplotlib", "report", "drawing figures")
    from matplotlib.figure import Figure

    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
    settings = {
        "svg.fonttype": "none", "svg.hashsalt": key, "text.parse_math": False, "text.usetex": False,
        "font.family": ["DejaVu Sans", *_installed()], "font.size": 9.5, "axes.labelsize": 9.5,
        "text.color": INK, "axes.labelcolor": INK, "xtick.color": MUTED, "ytick.color": MUTED,
        "xtick.labelcolor": INK, "ytick.labelcolor": INK, "axes.edgecolor": MUTED, "axes.unicode_minus": True,
        "axes.spines.top": False, "axes.spines.right": False, "axes.linewidth": 0.8, "grid.color": GRID,
        "grid.linewidth": 0.8, "axes.axisbelow": True, "path.simplify": False,
    }  # fmt: skip
    with matplotlib.rc_context(settings), warnings.catch_warnings():
        # a glyph that no font here has is a box in the PNG; the page uses the reader's fonts
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure = Figure(figsize=(width, height), layout="constrained")
        figure.patch.set_alpha(0)
        axes = figure.add_subplot()
        axes.patch.set_alpha(0)
        axes.tick_params(length=3)
        yield figure, axes


def finish(figure: "Figure", key: str, title: str, caption: str) -> Drawing:
    """Save a figure in its three forms; call it inside its `canvas`."""
    svg = _saved(figure, "svg")
    # the layout is kept as it is; the title goes above it, and the picture grows
    figure.set_layout_engine("none")
    figure.text(0.01, 1.02, title, fontsize=10.5, color=INK, ha="left", va="bottom")
    figure.patch.set_alpha(1)
    figure.patch.set_facecolor("white")
    png = _saved(figure, "png")
    return Drawing(key, title, caption, _inline(svg.decode("utf-8"), key, f"{title}. {caption}"), svg, png)


def place_labels(values: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Where labels go so that they are at least `gap` apart, as near to their values as that allows.

    Args:
        values: where they would stand.
        gap: least distance; made smaller where all would not fit.
        low, high: the room.
    """
    if not values:
        return []
    gap = min(gap, (high - low) / max(1, len(values) - 1)) if len(values) > 1 else gap
    order = sorted(range(len(values)), key=lambda at: values[at])
    # blocks of touching labels, each around the mean of what its labels want (pool adjacent violators)
    blocks: list[tuple[float, int]] = []
    for rank, at in enumerate(order):
        blocks.append((values[at] - rank * gap, 1))
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            (one, n), (other, m) = blocks[-2:]
            blocks[-2:] = [((one * n + other * m) / (n + m), n + m)]
    shifts = [shift for shift, n in blocks for _ in range(n)]
    top = high - (len(values) - 1) * gap
    placed = [0.0] * len(values)
    for rank, (at, shift) in enumerate(zip(order, shifts, strict=True)):
        placed[at] = min(max(shift, low), max(low, top)) + rank * gap
    return placed


def _saved(figure: "Figure", form: str) -> bytes:
    file = io.BytesIO()
    if form == "svg":
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    else:
        figure.savefig(file, format="png", dpi=150, bbox_inches="tight", metadata={"Software": None})
    return file.getvalue()


def _installed() -> list[str]:
    from matplotlib import font_manager

    there = set(font_manager.get_font_names())
    return [name for name in _WIDE_FONTS if name in there]


def _inline(svg: str, key: str, told: str) -> str:
    """The ``<svg>`` element alone, named for those who cannot see it, its colours those of the page."""
    from html import escape

    body = svg[svg.index("<svg") :]
    # one of its style elements would hold for the whole page: style.css says the same for figures alone
    body = re.sub(r"<metadata>.*?</metadata>|<style[^>]*>.*?</style>", "", body, flags=re.DOTALL)
    # ids that nothing refers to are the same in every figure; those of clips and markers are salted
    used = set(re.findall(r'(?:href="|url\()#([^")]+)', body))
    body = re.sub(r' id="([^"]*)"', lambda match: match[0] if match[1] in used else "", body)
    for name, colour in [("ink", INK), ("muted", MUTED), ("grid", GRID)]:
        body = body.replace(colour, f"var(--{name})")
    for at, colour in enumerate(_SERIES):
        body = body.replace(colour, f"var(--series-{at})")
    _, _, rest = body.partition(">")
    box = re.search(r'viewBox="([0-9. ]+)"', body)
    view = box[1] if box else "0 0 504 260"
    return (
        f'<svg viewBox="{view}" role="img" aria-label="{escape(told, quote=True)}" class="figure-{key}" '
        f'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">{rest}'
    )
