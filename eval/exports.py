"""The files an evaluation leaves in its folder, all made from its records.

::

    report.json                     the report as values
    report.md, report.tex           its tables (`eval.report_page` makes report.html)
    systems.csv, per_query.csv      means with intervals and tests; a line a query, protocol and system
    costs.csv                       what every system took
    PROTOCOL.qrels, PROTOCOL.SYSTEM.run   for trec_eval and the like, where queries bring their own lists
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eval.results import Report
from eval.run_folder import read_records
from eval.runs import write_atomically, write_qrels, write_run

if TYPE_CHECKING:
    from eval.report_page.findings import Findings

__all__ = ["write_outputs", "write_tables"]


def write_outputs(folder: Path, report: Report) -> None:
    """Write all of them."""
    from eval.report_page.findings import read_findings

    write_atomically(folder / "report.json", [_json(report.as_dict()), "\n"])
    write_tables(folder, read_findings(folder, report))
    for result in report.protocols:
        _write_lists(folder, result.protocol, [system.name for system in result.systems], report.n_rows)


def write_tables(folder: Path, findings: "Findings") -> list[Path]:
    """Write ``report.md``, ``report.tex`` and the CSV files; gives where they are."""
    from eval.report_page import csv_files
    from eval.report_page.latex import to_latex
    from eval.report_page.markdown import to_text
    from eval.report_page.sections import contents

    report = contents(findings)
    records = read_records(folder, findings.report.n_rows)
    files = {
        "report.md": [to_text(report)],
        "report.tex": [to_latex(report)],
        "systems.csv": csv_files.system_lines(findings),
        "costs.csv": csv_files.cost_lines(findings),
        "per_query.csv": csv_files.per_query_lines(records, findings),
    }
    for name, lines in files.items():
        write_atomically(folder / name, lines)
    return [folder / name for name in files]


def _json(values: Mapping[str, Any]) -> str:
    """Readable in any language; with escapes only where half a surrogate pair cannot be written otherwise."""
    text = json.dumps(values, ensure_ascii=False, indent=2)
    return text if _plain(text) == text else json.dumps(values, indent=2)


def _plain(text: str) -> str:
    """`text` as UTF-8 can hold it: JSON may bring half a surrogate pair, which becomes an escape."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _write_lists(folder: Path, protocol: str, systems: Sequence[str], n_rows: int) -> None:
    golds = {
        query: dict.fromkeys(map(_plain, entry["gold"]), 1)
        for query, entry in _lists(folder, protocol, n_rows)
    }
    if not golds:
        return
    write_qrels(folder / f"{protocol}.qrels", golds)
    taken: set[str] = set()
    for system in systems:
        ranked = (
            (query, dict(zip(map(_plain, entry["ids"]), entry["scores"][system], strict=True)))
            for query, entry in _lists(folder, protocol, n_rows)
            if system in entry["scores"]
        )
        write_run(folder / f"{protocol}.{_file_name(system, taken)}.run", ranked, _plain(system))


def _file_name(system: str, taken: set[str]) -> str:
    """The system's name as a file's: two that differ only in odd characters or case get a number each."""
    name = re.sub(r"[^\w.+-]+", "-", system)[:80] or "system"
    tried, number = name, 1
    while tried.casefold() in taken:
        number += 1
        tried = f"{name}-{number}"
    taken.add(tried.casefold())
    return tried


def _lists(folder: Path, protocol: str, n_rows: int) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(query, entry) of the first `n_rows` records, where they hold a whole list."""
    for record in read_records(folder, n_rows):
        entry = record["protocols"].get(protocol, {})
        if "ids" in entry and "values" in entry:
            yield _plain(record["id"]), entry
