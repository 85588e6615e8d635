"""A measure by a property of the query: length, sentiment, text on the sticker, seen in training."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eval.metrics.ranked import Floats
from eval.report_page.figures.lines import draw_lines
from eval.report_page.figures.style import GRID, INK, MUTED, Drawing, Look, canvas, finish, short
from eval.report_page.findings import Findings, ProtocolFindings
from eval.report_page.titles import measure_title, protocol_title
from eval.significance import Interval, intervals

__all__ = ["draw_sentiment", "draw_split", "draw_utterances"]


@dataclass(frozen=True, slots=True)
class _Group:
    name: str
    rows: NDArray[np.int64]
    at: float


def draw_utterances(findings: Findings, found: ProtocolFindings, styles: dict[str, Look]) -> Drawing | str:
    """By the number of utterances; neighbouring numbers are put together until a point has queries enough."""
    known = _of(findings.columns.n_utterances, found)
    groups = _by_number(known)
    if len(groups) < 2:
        return "Number of utterances: the queries do not differ in it, or the records do not say."
    return _draw_line(
        findings, found, styles, groups, "utterances", "Effect of the number of utterances",
        "utterances in the conversation", _missing(known, "of unknown length"),
    )  # fmt: skip


def draw_sentiment(findings: Findings, found: ProtocolFindings, styles: dict[str, Look]) -> Drawing | str:
    """By the share of the sentiment-carrying words that are positive."""
    known = _of(findings.columns.sentiment, found)
    if np.isnan(known).all():
        return "Sentiment: the records do not say how positive the conversations are."
    edges = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    place = np.clip(np.digitize(known, edges[1:-1], right=False), 0, 4)
    place[np.isnan(known)] = -1
    names = ["0–20", "20–40", "40–60", "60–80", "80–100"]
    groups = [_Group(name, np.flatnonzero(place == at), float(at)) for at, name in enumerate(names)]
    groups = [group for group in groups if len(group.rows) >= 5]
    if len(groups) < 2:
        return "Sentiment: fewer than two levels have five queries or more."
    neutral = int((known == 0.5).sum())
    few = sum(1 for at in range(5) if 0 < (place == at).sum() < 5)
    left = _missing(known, "of unknown sentiment")
    left += f" {few} levels with fewer than five queries are left out." if few else ""
    if neutral:
        left += f" {neutral:,} queries have no such word, or as many of either kind, and stand at 50 %."
    return _draw_line(
        findings, found, styles, groups, "sentiment", "By the sentiment of the conversation",
        "positive share of the words that carry sentiment, %",
        left,
    )  # fmt: skip


def draw_split(
    findings: Findings, found: ProtocolFindings, styles: dict[str, Look], *,
    key: str, title: str, names: tuple[str, str], known: Floats, absent: str,
) -> Drawing | str:  # fmt: skip
    """Two kinds of queries side by side for every system.

    Args:
        names: of the queries where `known` is 0, and where it is 1.
        known: ``(n_records,)``, 0 or 1, NaN where unknown.
        absent: what to say where there is nothing to draw.
    """
    values = _of(known, found)
    groups = [_Group(name, np.flatnonzero(values == at), at) for at, name in enumerate(names)]
    if min(len(group.rows) for group in groups) < 2:
        sizes = ", ".join(f"{group.name}: {len(group.rows):,} queries" for group in groups)
        return f"{title}: {absent} ({sizes})."
    assert found.main is not None
    systems = _systems(found)
    stats = {group.name: _stats(findings, found, group, systems) for group in groups}
    measure = measure_title(found.result, found.main)
    key = f"{key}-{found.result.protocol}"
    with canvas(key, height=1.0 + 0.36 * max(2, len(systems))) as (figure, axes):
        for row, name in enumerate(systems):
            colour = styles[name].colour
            for offset, group in zip((-0.13, 0.13), groups, strict=True):
                found_there = stats[group.name][name]
                low, mean, high = (100 * v for v in (found_there.low, found_there.mean, found_there.high))
                axes.plot([low, high], [row + offset] * 2, color=colour, linewidth=1.4, alpha=0.7)
                axes.plot(
                    [mean], [row + offset], "o", color=colour, markersize=6,
                    markerfacecolor="none" if group.at else colour, markeredgewidth=1.6,
                )  # fmt: skip
        axes.set_yticks(range(len(systems)), [short(name) for name in systems])
        axes.set_ylim(len(systems) - 0.4, -0.6)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.grid(axis="x", color=GRID)
        axes.set_xlabel(f"{measure}, %")
        handles = [
            axes.plot([], [], "o", color=INK, markersize=6, markerfacecolor="none" if group.at else INK,
                      markeredgewidth=1.6, label=f"{group.name} (n = {len(group.rows):,})")[0]
            for group in groups
        ]  # fmt: skip
        axes.legend(handles=handles, loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False)
        left = _missing(values, "where this is unknown")
        return finish(
            figure, key, f"{title}: {measure}, {protocol_title(found.result)}",
            f"Mean and 95 % bootstrap interval in each of the two kinds of queries.{left}",
        )  # fmt: skip


def _draw_line(
    findings: Findings, found: ProtocolFindings, styles: dict[str, Look], groups: Sequence[_Group],
    key: str, title: str, label: str, left: str,
) -> Drawing:  # fmt: skip
    assert found.main is not None
    systems = _systems(found)
    stats = [_stats(findings, found, group, systems) for group in groups]
    measure = measure_title(found.result, found.main)
    key = f"{key}-{found.result.protocol}"
    x = [float(at) for at in range(len(groups))]
    lines = {n: np.array([100 * s[n].mean for s in stats]) for n in systems}
    spans = {
        n: (np.array([100 * s[n].low for s in stats]), np.array([100 * s[n].high for s in stats]))
        for n in systems
    }
    with canvas(key, height=3.8) as (figure, axes):
        axes.set_xlim(-0.3, len(groups) - 0.7)
        grey = draw_lines(axes, x, lines, styles, spans)
        axes.set_xticks(x, [f"{group.name}\nn = {len(group.rows):,}" for group in groups], fontsize=8.5)
        axes.set_xlabel(label)
        axes.set_ylabel(f"{measure}, %")
        axes.tick_params(axis="x", color=MUTED)
        more = f" Grey, unnamed: {', '.join(grey)}." if grey else ""
        return finish(
            figure, key, f"{title}: {measure}, {protocol_title(found.result)}",
            f"Mean over the queries of each group; bars are 95 % bootstrap intervals of the coloured "
            f"systems.{left}{more}",
        )  # fmt: skip


def _systems(found: ProtocolFindings) -> list[str]:
    """Systems with a value for every query, contenders first."""
    assert found.main is not None
    others = [s.name for s in found.result.systems if s.name not in found.contenders]
    return [
        name
        for name in (*found.contenders, *others)
        if name in found.columns.values
        and found.main in found.columns.values[name]
        and not np.isnan(found.columns.values[name][found.main]).any()
    ]


def _stats(
    findings: Findings, found: ProtocolFindings, group: _Group, systems: Sequence[str]
) -> dict[str, Interval]:
    assert found.main is not None
    table = np.stack([found.columns.values[name][found.main][group.rows] for name in systems], axis=1)
    report = findings.report
    drawn = intervals(
        table,
        clusters=found.columns.clusters_of(group.rows),
        resamples=report.resamples,
        seed=report.seed,
    )
    return dict(zip(systems, drawn, strict=True))


def _of(known: Floats, found: ProtocolFindings) -> Floats:
    """A fact of the queries that the protocol judged."""
    return known[found.columns.rows]


def _by_number(known: Floats, parts: int = 10) -> list[_Group]:
    """Groups of neighbouring whole numbers, each with at least a tenth of the queries, and at least ten."""
    numbers, counts = np.unique(known[~np.isnan(known)], return_counts=True)
    least = max(10, int(counts.sum()) // parts) if len(counts) else 0
    groups: list[_Group] = []
    start, size = 0, 0
    for at, count in enumerate(counts):
        size += int(count)
        last = at == len(counts) - 1
        rest = int(counts[at + 1 :].sum())
        if (size >= least and rest >= least) or last:
            low, high = int(numbers[start]), int(numbers[at])
            rows = np.flatnonzero((known >= low) & (known <= high))
            name = str(low) if low == high else f"{low}–{high}"
            groups.append(_Group(name, rows, float(len(groups))))
            start, size = at + 1, 0
    return groups


def _missing(known: Floats, what: str) -> str:
    n = int(np.isnan(known).sum())
    return f" {n:,} queries {what} are left out." if n else ""
