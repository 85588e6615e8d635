"""The result of ``sticker fuse`` as tables for a terminal."""

from typing import TYPE_CHECKING

from eval.fitting.fuse import FUSED, FuseReport, decision_figures
from eval.fitting.gains import Estimate

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table

__all__ = ["to_rich"]

_TITLES = {"R@1": "R@1", "AP": "MAP"}


def to_rich(report: FuseReport) -> "Group":
    """Tables and notes, to be printed by rich."""
    from rich.console import Group
    from rich.text import Text

    shown = [draw(report, measure) for measure in _TITLES for draw in (_systems, _gains)]
    shown.append(_weights(report))
    rows = ", ".join(
        f"{name} {entry['fitted_on']:,} of {entry['rows']:,} rows in {entry['dialogues']:,} dialogues"
        for name, entry in report.datasets.items()
    )
    skipped = "; ".join(
        f"{name}: {reason} {n:,}"
        for name, entry in report.datasets.items()
        for reason, n in entry["skipped"].items()
    )
    notes = [
        f"{rows}{'; left out: ' + skipped if skipped else ''}",
        f"chosen: {report.choice}; in the {report.folds} outer folds: "
        + ", ".join(f"{name} ({n})" for name, n in report.chosen.items()),
        f"[ ]: 95 % interval, bootstrap over dialogues (seed {report.seed}); p: randomisation test over them",
        f"{FUSED}: nested cross-validation, dialogues kept together; {report.best} was the best single "
        "scorer on all of it, which flatters it",
    ]
    return Group(*shown, Text("\n".join(notes), style="dim"), Text(_decision(report)))


def _systems(report: FuseReport, measure: str) -> "Table":
    table = _table(f"{_TITLES[measure]}, candidates with one gold, %", "")
    for name in _columns(report):
        n = report.systems[0].values[measure][name].n
        table.add_column(f"{name or 'mean of them'}\nn = {n:,}", justify="right")
    for row in report.systems:
        cells = [_interval(row.values[measure][name]) for name in _columns(report)]
        table.add_row(row.name, *cells, style="bold" if row.name == FUSED else "")
    return table


def _gains(report: FuseReport, measure: str) -> "Table":
    table = _table(f"gain of the fitted fusion in {_TITLES[measure]}, points", "over")
    for name in _columns(report):
        table.add_column(name or "mean of them", justify="right")
    rows = [(f"{report.best} alone", report.over_best), ("no fitting", report.over_default)]
    rows += [(f"one without {scorer}", gains) for scorer, gains in report.without.items()]
    for title, gains in rows:
        table.add_row(title, *[_gain(gains[measure][name]) for name in _columns(report)])
    return table


def _weights(report: FuseReport) -> "Table":
    fusion = report.fusion
    table = _table("weights of the fusion fitted on everything", "")
    for name in fusion.weights:
        table.add_column(name, justify="right")
    table.add_row("weight", *[f"{weight:.4g}" for weight in fusion.weights.values()])
    if fusion.temperatures:
        table.add_row("temperature", *[f"{t:.3g}" for t in fusion.temperatures.values()])
    if fusion.gate is not None:
        from retriever.fusion.traits import TRAITS

        table.add_row("bias", *[f"{bias:+.2f}" for bias in fusion.gate.bias.values()])
        for at, trait in enumerate(TRAITS):
            table.add_row(trait, *[f"{slopes[at]:+.2f}" for slopes in fusion.gate.slopes.values()])
    return table


def _decision(report: FuseReport) -> str:
    if report.decision is None:
        return f"no decision whether to send: {report.no_decision}"
    found = decision_figures(report.decision)
    precision = (
        "none right to count"
        if found["precision"] is None
        else f"{100 * found['precision']:.1f} % of them right"
    )
    never = " (never: no threshold reaches that)" if found["threshold"] > 1 else ""
    return (
        f"send where p >= {found['threshold']:.3f} ({found['rule']}){never}: held out, "
        f"{100 * found['send_rate']:.1f} % get a sticker, {precision}, against {100 * found['right']:.1f} % "
        f"when always sending; calibration error {100 * found['calibration_error']:.1f} points "
        f"({found['method']}, n = {found['n']:,})"
    )


def _columns(report: FuseReport) -> list[str]:
    return [*report.datasets, *([""] if len(report.datasets) > 1 else [])]


def _interval(each: Estimate) -> str:
    return f"{100 * each.mean:.1f}\n[{100 * each.low:.1f}, {100 * each.high:.1f}]"


def _gain(each: Estimate) -> str:
    p = "" if each.p is None else f"  p={each.p:.3f}" if each.p >= 0.001 else "  p<0.001"
    return f"{100 * each.mean:+.1f}{p}\n[{100 * each.low:.1f}, {100 * each.high:.1f}]"


def _table(title: str, first: str) -> "Table":
    from rich import box
    from rich.table import Table

    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left")
    table.add_column(first)
    return table
