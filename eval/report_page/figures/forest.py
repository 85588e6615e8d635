"""Every system's main measure with its interval, best on top."""

from eval.report_page.figures.style import GRID, INK, MUTED, Drawing, Look, canvas, finish, short
from eval.report_page.findings import ProtocolFindings
from eval.report_page.titles import measure_title, protocol_title

__all__ = ["draw_forest"]


def draw_forest(found: ProtocolFindings, styles: dict[str, Look]) -> Drawing | str:
    """A row a system; the dashed line is chance."""
    result = found.result
    if found.main is None:
        return f"Intervals under {result.protocol}: no query could be judged."
    title = measure_title(result, found.main)
    others = [s.name for s in result.systems if s.name not in found.contenders]
    names = [n for n in (*found.contenders, *others) if found.main in found.intervals.get(n, {})]
    chance = 100 * result.chance.mean[found.main]
    key = f"forest-{result.protocol}"
    with canvas(key, height=0.75 + 0.3 * max(2, len(names))) as (figure, axes):
        axes.axvline(chance, color=MUTED, linestyle=(0, (4, 2)), linewidth=1)
        for row, name in enumerate(names):
            interval = found.intervals[name][found.main]
            look = styles[name]
            axes.plot([100 * interval.low, 100 * interval.high], [row, row], color=look.colour, linewidth=2)
            axes.plot([100 * interval.mean], [row], look.marker, color=look.colour, markersize=6.5)
            axes.annotate(
                f"{100 * interval.mean:.1f}", (1.01, row), xycoords=("axes fraction", "data"), va="center",
                color=INK, fontsize=9,
            )  # fmt: skip
        axes.set_yticks(range(len(names)), [short(name) for name in names])
        axes.set_ylim(len(names) - 0.4, -0.9)
        axes.annotate("chance", (chance, -0.85), xytext=(3, 0), textcoords="offset points", va="top",
                      color=MUTED, fontsize=8.5)  # fmt: skip
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.grid(axis="x", color=GRID)
        axes.set_xlabel(f"{title}, %")
        return finish(
            figure,
            key,
            f"{title} with 95 % intervals: {protocol_title(result)}",
            f"Mean over {result.n_queries:,} queries and its bootstrap interval. Intervals of two systems "
            "may overlap although the paired test tells them apart: for comparisons read the tests.",
        )
