"""A report's numbers as CSV, with all their digits, for other tools.

Spreadsheets run a cell that begins with ``=``, ``+``, ``-`` or ``@`` as a formula, also from a CSV: text of
others that begins so gets an apostrophe in front. Numbers are written as they are.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from eval.records import Record
from eval.report_page.findings import Findings, ProtocolFindings

__all__ = ["cost_lines", "per_query_lines", "safe", "system_lines"]

_FACTS = ("n_utterances", "mode", "verbal", "unseen", "sentiment")


def safe(value: object) -> object:
    """A value that no spreadsheet runs; None is an empty cell."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return int(value)
    if not isinstance(value, str):
        return value
    # a lone surrogate, which JSON may hold, cannot be written as UTF-8
    text = value.encode("utf-8", "replace").decode()
    return (
        f"'{text}" if text.lstrip(" \"'").startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝")) else text
    )


def per_query_lines(records: Iterable[Record], findings: Findings) -> Iterator[str]:
    """A line a query, protocol and system; a query that was left out has one line with the reason."""
    measures = list(dict.fromkeys(m for found in findings.protocols for m in found.result.chance.mean))
    head = ["query", "protocol", "skipped", "system", "n", "relevant", "label", "gold_rank", "top1"]
    yield _line([*head, *measures, *_FACTS])
    names = [found.result.protocol for found in findings.protocols]
    for record in records:
        facts = record.get("facts") or {}
        tail = [facts.get(name) for name in _FACTS]
        for protocol in names:
            entry = record["protocols"].get(protocol)
            if entry is None:
                continue
            front = [record["id"], protocol]
            if "skipped" in entry:
                yield _line([*front, entry["skipped"], *([None] * (6 + len(measures))), *tail])
                continue
            for system, values in entry["values"].items():
                best = (entry.get("top") or {}).get(system) or [[None]]
                middle = [None, system, entry["n"], entry["relevant"], entry.get("label")]
                rank = (entry.get("rank") or {}).get(system)
                yield _line(
                    [*front, *middle, rank, best[0][0], *(values.get(measure) for measure in measures), *tail]
                )


def system_lines(findings: Findings) -> Iterator[str]:
    """A line a protocol, system and measure."""
    yield _line(
        [
            "protocol", "system", "measure", "n", "mean", "low", "high", "macro", "macro_low", "macro_high",
            "over_chance", "over_chance_low", "over_chance_high",
            "baseline", "over_baseline", "over_baseline_low", "over_baseline_high", "p", "p_holm",
            "wins", "ties", "losses",
        ]
    )  # fmt: skip
    for found in findings.protocols:
        yield from _system_lines(found, findings.baselines)


def _system_lines(found: ProtocolFindings, baselines: Sequence[str]) -> Iterator[str]:
    result = found.result
    for system in (result.chance, *result.systems):
        for measure, mean in system.mean.items():
            interval = found.intervals.get(system.name, {}).get(measure)
            middle = [interval.low, interval.high] if interval else [None, None]
            macro = [interval.macro_low, interval.macro_high] if interval else [None, None]
            over = system.over_chance.get(measure)
            chance = [over.mean, over.low, over.high] if over else [None] * 3
            front = [result.protocol, system.name, measure, system.n or result.n_queries, mean, *middle]
            front += [system.macro.get(measure), *macro, *chance]
            tests = [t for t in found.tests.get(measure, ()) if t.system == system.name]
            for test in tests:
                numbers = [
                    test.mean,
                    test.low,
                    test.high,
                    test.p,
                    test.p_holm,
                    test.wins,
                    test.ties,
                    test.losses,
                ]
                yield _line([*front, test.other, *numbers])
            if not tests:
                yield _line([*front, *([None] * 9)])


def cost_lines(findings: Findings) -> Iterator[str]:
    """A line a system, a column for every cost."""
    from dataclasses import asdict

    costs: Mapping[str, dict[str, Any]] = {
        name: {k: v for k, v in asdict(cost).items() if k != "unanswered"}
        | {"unanswered": sum(cost.unanswered.values())}
        for name, cost in findings.report.costs.items()
    }
    columns = list(next(iter(costs.values()), {}))
    yield _line(["system", *columns])
    for name, values in costs.items():
        yield _line([name, *(values[column] for column in columns)])


def _line(values: Iterable[object]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow([safe(value) for value in values])
    return text.getvalue()
