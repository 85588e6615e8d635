"""Tables of what stands around the results: costs, published numbers, what was left out, provenance."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from eval.report_page.findings import Findings, ProtocolFindings
from eval.report_page.sheet import Cell, Head, Sheet, cell, percent
from eval.report_page.titles import measure_title, protocol_title
from eval.results import Cost, Report

if TYPE_CHECKING:
    from eval.published import PublishedRow

__all__ = ["cost_sheet", "left_out_sheet", "provenance_sheet", "published_sheets"]

_PACKAGES = ("sticker-retriever", "numpy", "onnxruntime", "torch", "transformers", "bm25s", "matplotlib")


def cost_sheet(findings: Findings) -> Sheet | None:
    """What every system took, or None where nothing was timed."""
    costs = findings.report.costs
    if not costs:
        return None
    asked = any(cost.calls or cost.cached or cost.calls_per_1000 for cost in costs.values())
    priced = any(cost.price_per_1000 is not None for cost in costs.values())
    head = [
        Head("System", numeric=False),
        Head("n", help="conversations timed"),
        Head("ms, median", help="milliseconds a conversation, scoring only, of all that its protocols rank"),
        Head("ms, mean"),
        Head("At once", help="conversations asked about at once, which share their time"),
        Head("Stickers, s", help="seconds for the sticker side, once"),
        Head("Opening, s"),
    ]
    if asked:
        head += [
            Head("Calls", "language model"),
            Head("Cached", "language model", help="answers that were known already"),
            Head("Tokens in", "language model"),
            Head("Tokens out", "language model"),
            Head("Calls", "for 1,000 picks"),
            Head("Tokens in", "for 1,000 picks"),
            Head("Tokens out", "for 1,000 picks"),
        ]
    if priced:
        head.append(Head("Price", "for 1,000 picks", help="in the unit of the prices that were given"))
    rows = [
        (cell(name), *_cost_cells(cost, asked, priced))
        for name, cost in sorted(costs.items(), key=lambda item: _place(findings, item[0]))
    ]
    notes = [
        "Wall-clock time on the machine that ran it; it decides nothing, and other machines differ. Where "
        "several conversations are asked about at once a single pick takes longer.",
    ]
    for name, cost in costs.items():
        notes += [
            f"{name} gave no answer to {n:,} conversations: {why}." for why, n in cost.unanswered.items()
        ]
    return Sheet("costs", "Costs", tuple(head), tuple(rows), tuple(notes))


def published_sheets(findings: Findings) -> list[Sheet]:
    """What papers printed on this dataset beside our numbers, by protocol; empty if no paper used it."""
    from eval.published import rows_for

    config: Mapping[str, Any] = findings.report.provenance.get("config") or {}
    rows = rows_for(findings.report.dataset, config.get("format"))
    sheets = [_published(found, rows) for found in findings.protocols if found.main is not None]
    return [sheet for sheet in sheets if sheet is not None]


def left_out_sheet(report: Report) -> Sheet:
    """What was not judged, and why: nothing leaves an evaluation without a word."""
    rows = [
        (cell("rows read"), cell(f"{report.n_rows + report.n_bad_rows:,}"), cell("")),
        (
            cell("rows that could not be read"),
            cell(f"{report.n_bad_rows:,}"),
            cell("; ".join(report.problems)),
        ),
    ]
    for result in report.protocols:
        rows.append((cell(f"{result.protocol}: queries judged"), cell(f"{result.n_queries:,}"), cell("")))
        rows += [
            (cell(f"{result.protocol}: queries left out"), cell(f"{n:,}"), cell(reason))
            for reason, n in result.skipped.items()
        ]
        rows += [
            (cell(f"{result.protocol}: took no part"), cell(name), cell(why))
            for name, why in result.not_judged.items()
        ]
    rows += [
        (cell(f"{name}: conversations without an answer"), cell(f"{n:,}"), cell(why))
        for name, cost in report.costs.items()
        for why, n in cost.unanswered.items()
    ]
    head = (Head("What", numeric=False), Head("How many"), Head("Why", numeric=False))
    return Sheet("left-out", "What was left out, and why", head, tuple(rows))


def provenance_sheet(findings: Findings) -> Sheet:
    """What decided the results."""
    report = findings.report
    config: Mapping[str, Any] = report.provenance.get("config") or {}
    environment: Mapping[str, Any] = report.provenance.get("environment") or {}
    rows = [
        ("dataset", f"{report.dataset} {report.split}".strip()),
        ("label that decides relevance", report.label or "none"),
        ("tie rule", report.ties),
        ("bootstrap", f"{report.resamples:,} resamples, seed {report.seed}"),
        ("resampled", "; ".join(f"{result.protocol}: {result.drawn}" for result in report.protocols)),
        ("baselines", ", ".join(findings.baselines) or "none"),
    ]
    shown = {key: value for key, value in config.items() if key not in ("dataset", "split", "label", "ties")}
    rows += _flat(shown)
    packages = environment.get("packages") or {}
    rows += [(key, _text(value)) for key, value in environment.items() if key != "packages"]
    rows += [(name, packages[name]) for name in _PACKAGES if name in packages]
    if len(packages) > len(_PACKAGES):
        rows.append(("packages", f"all {len(packages)} with their versions: environment.json"))
    return Sheet(
        "provenance",
        "Where it came from",
        (Head("What", numeric=False), Head("Value", numeric=False)),
        tuple((cell(name), cell(value)) for name, value in rows),
    )


def _cost_cells(cost: Cost, asked: bool, priced: bool) -> list[Cell]:
    cells = [
        cell(f"{cost.n:,}"),
        cell(_number(cost.ms_median, 2)),
        cell(_number(cost.ms_mean, 2)),
        cell(f"{cost.at_once:,}"),
        cell(_number(cost.sticker_seconds, 1)),
        cell(_number(cost.load_seconds, 1)),
    ]
    if asked:
        cells += [
            cell(f"{n:,}") for n in (cost.calls, cost.cached, cost.prompt_tokens, cost.completion_tokens)
        ]
        cells += [
            cell(_number(value, 0))
            for value in (cost.calls_per_1000, cost.prompt_tokens_per_1000, cost.completion_tokens_per_1000)
        ]
    if priced:
        cells.append(cell(_number(cost.price_per_1000, 4)))
    return cells


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:,.{digits}f}"


def _place(findings: Findings, system: str) -> int:
    return findings.systems.index(system) if system in findings.systems else len(findings.systems)


_POOLS = {"candidates": ("candidates", "gold"), "exact": ("all", "gold"), "library": ("all", "label"),
          "intent": ("all", "label"), "exact-words": ("all", "gold"),
          "exact-no-words": ("all", "gold")}  # fmt: skip
_PARTS = {"exact-words": "stickers with text", "exact-no-words": "stickers without text"}
"""How the splits are called that papers print such results on."""


def _published(found: ProtocolFindings, rows: Sequence["PublishedRow"]) -> Sheet | None:
    result = found.result
    if result.protocol not in _POOLS:
        return None
    pool, relevance = _POOLS[result.protocol]
    rows = [row for row in rows if row.split.endswith(_PARTS.get(result.protocol, ""))]
    measures = list(result.chance.mean)
    cells = [(row, [row.number(m, pool, relevance) for m in measures]) for row in rows]  # type: ignore[arg-type]
    cells = [(row, numbers) for row, numbers in cells if any(numbers)]
    if not cells:
        return None
    kept = [at for at in range(len(measures)) if any(numbers[at] for _, numbers in cells)]
    caveats = list(dict.fromkeys(caveat for row, _ in cells for caveat in row.caveats))
    head = (
        Head("System", numeric=False),
        Head("Source", numeric=False),
        Head("Split", numeric=False),
        *(Head(measure_title(result, measures[at])) for at in kept),
    )
    ours = [
        (
            cell(name),
            cell("this report"),
            cell(findings_split(found)),
            *(cell(percent(result.system(name).mean.get(measures[at]))) for at in kept),
        )
        for name in found.contenders
    ]
    theirs = []
    for row, numbers in cells:
        marks = " ".join(f"({caveats.index(caveat) + 1})" for caveat in row.caveats)
        theirs.append(
            (
                cell(row.label, mark="published"),
                cell(row.source, marks),
                cell(row.split),
                *(cell(number.printed if (number := numbers[at]) else "") for at in kept),
            )
        )
    notes = [f"({at}) {caveat}" for at, caveat in enumerate(caveats, start=1)]
    notes.append("Printed numbers are other systems' on the papers' own candidates: compare with care.")
    return Sheet(
        f"published-{result.protocol}",
        f"Published: {protocol_title(result)}",
        head,
        (*ours, *theirs),
        tuple(notes),
    )


def findings_split(found: ProtocolFindings) -> str:
    """n of our own rows, which stands where a published row names its split."""
    return f"n = {found.result.n_queries:,}"


def _flat(value: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, str]]:
    """Nested settings as lines; a list stays on one."""
    for key, item in value.items():
        name = f"{prefix}{key}"
        if isinstance(item, Mapping) and item and len(prefix) < 60:
            yield from _flat(item, f"{name}: ")
        else:
            yield name, _text(item)


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
