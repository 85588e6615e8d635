"""Lines over something that grows, each named at its right end."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from eval.metrics.ranked import Floats
from eval.report_page.figures.style import GRID, MUTED, Look, place_labels, short
from eval.report_page.titles import REFERENCES

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_lines"]


def draw_lines(
    axes: "Axes",
    x: Sequence[float],
    lines: Mapping[str, Floats],
    styles: Mapping[str, Look],
    spans: Mapping[str, tuple[Floats, Floats]] | None = None,
    markers: bool = True,
    least: float | None = None,
) -> list[str]:
    """Draw lines in percent; gives the names of those drawn grey and without a name of their own.

    Args:
        x: where the points stand.
        lines: system -> ``(len(x),)`` values in percent.
        spans: system -> low and high end of each point's interval.
        least: a value that has to be in sight.
    """
    grey = [name for name in lines if not styles[name].is_coloured]
    unnamed = [name for name in grey if name not in REFERENCES] if len(grey) > 2 else []
    named = [name for name in lines if name not in unnamed]
    for name in [*grey, *(n for n in lines if styles[n].is_coloured)]:
        look, y = styles[name], lines[name]
        axes.plot(x, y, color=look.colour, linestyle=look.dashes, linewidth=1.8 if look.is_coloured else 1.1)
        if markers and look.is_coloured:
            axes.plot(x, y, look.marker, color=look.colour, markersize=5.5)
        if spans is not None and look.is_coloured:
            axes.vlines(x, *spans[name], color=look.colour, linewidth=1, alpha=0.55)
    axes.grid(axis="y", color=GRID)
    bottom, top = axes.get_ylim()
    low, high = max(float(bottom), -2.0), float(top)
    if least is not None:
        low = min(low, least - 0.06 * (high - least))
    axes.set_ylim(low, high)
    # a line of text is about a seventeenth of the height
    heights = place_labels([float(lines[name][-1]) for name in named], (high - low) / 15, low, high)
    right = axes.get_xlim()[1]
    for name, height in zip(named, heights, strict=True):
        axes.annotate(
            short(name), (x[-1], float(lines[name][-1])), xytext=(right + (right - x[0]) * 0.03, height),
            textcoords="data", va="center", color=styles[name].colour, fontsize=9, annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": GRID, "linewidth": 0.8, "shrinkA": 1, "shrinkB": 3},
        )  # fmt: skip
    axes.set_xlim(axes.get_xlim()[0], right)
    axes.tick_params(axis="both", color=MUTED)
    return unnamed
