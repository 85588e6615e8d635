"""What quality costs: a measure against milliseconds a conversation, or against the price."""

import math

from eval.report_page.figures.style import GRID, Drawing, Look, canvas, finish, place_labels, short
from eval.report_page.findings import Findings, ProtocolFindings
from eval.report_page.titles import measure_title, protocol_title

__all__ = ["draw_price", "draw_time"]


def draw_time(findings: Findings, found: ProtocolFindings, styles: dict[str, Look]) -> Drawing | str:
    """Against the median time of a conversation."""
    times = {name: cost.ms_median for name, cost in findings.report.costs.items()}
    return _draw(
        findings, found, styles, times, "cost", "Time against quality",
        "median time a conversation, ms (logarithmic)",
        "Wall-clock time on the machine that ran it, scoring only.",
    )  # fmt: skip


def draw_price(findings: Findings, found: ProtocolFindings, styles: dict[str, Look]) -> Drawing | str:
    """Against the price of 1,000 picks."""
    prices = {name: cost.price_per_1000 for name, cost in findings.report.costs.items()}
    return _draw(
        findings, found, styles, prices, "price", "Price against quality",
        "price of 1,000 picks (logarithmic)",
        "In the unit of the prices that were given; systems without a price are left out.",
    )  # fmt: skip


def _draw(
    findings: Findings, found: ProtocolFindings, styles: dict[str, Look], costs: dict[str, float | None],
    key: str, title: str, label: str, told: str,
) -> Drawing | str:  # fmt: skip
    known = {
        name: cost
        for name, cost in costs.items()
        if cost is not None and cost > 0 and math.isfinite(cost) and name in styles
    }
    shown = [n for n in findings.systems if n in known and found.main in found.intervals.get(n, {})]
    if found.main is None or len(shown) < 2:
        return f"{title}: fewer than two systems have one."
    measure = measure_title(found.result, found.main)
    key = f"{key}-{found.result.protocol}"
    with canvas(key, height=3.8) as (figure, axes):
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.xaxis.set_minor_formatter(lambda value, _: "")
        for name in shown:
            span, look = found.intervals[name][found.main], styles[name]
            axes.plot([known[name]] * 2, [100 * span.low, 100 * span.high], color=look.colour, linewidth=1.4,
                      alpha=0.6)  # fmt: skip
            axes.plot([known[name]], [100 * span.mean], look.marker, color=look.colour, markersize=7)
        axes.margins(x=0.12, y=0.1)
        low, high = axes.get_ylim()
        means = [100 * found.intervals[name][found.main].mean for name in shown]
        heights = place_labels(means, (high - low) / 16, low, high)
        left, right = axes.get_xlim()
        beside = (right / left) ** 0.025
        for name, mean, height in zip(shown, means, heights, strict=True):
            axes.annotate(
                short(name), (known[name], mean), xytext=(known[name] * beside, height), textcoords="data",
                va="center", color=styles[name].colour, fontsize=9, annotation_clip=False,
                arrowprops={"arrowstyle": "-", "color": GRID, "linewidth": 0.8, "shrinkA": 1, "shrinkB": 4},
            )  # fmt: skip
        axes.set_ylim(low, high)
        axes.grid(axis="both", color=GRID)
        axes.set_xlabel(label)
        axes.set_ylabel(f"{measure}, %")
        return finish(
            figure, key, f"{title}: {measure}, {protocol_title(found.result)}",
            f"{told} Bars are 95 % bootstrap intervals over {found.result.drawn}. Up and to "
            "the left is better.",
        )  # fmt: skip
