"""The files an evaluation leaves in its folder, all made from its records: report, run files, qrels."""

import json
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from eval.report import to_markdown
from eval.results import Report
from eval.run_folder import RECORDS
from eval.runs import write_atomically, write_qrels, write_run

__all__ = ["write_outputs"]


def write_outputs(folder: Path, report: Report) -> None:
    """Write ``report.json``, ``report.md``, and for protocols with candidate lists ``PROTOCOL.qrels``
    and ``PROTOCOL.SYSTEM.run``.
    """
    write_atomically(
        folder / "report.json", [json.dumps(report.as_dict(), ensure_ascii=False, indent=2), "\n"]
    )
    write_atomically(folder / "report.md", [to_markdown(report)])
    for result in report.protocols:
        golds = {
            query: dict.fromkeys(entry["gold"], 1)
            for query, entry in _lists(folder, result.protocol, report.n_rows)
        }
        if not golds:
            continue
        write_qrels(folder / f"{result.protocol}.qrels", golds)
        for system in result.systems:
            ranked = (
                (query, dict(zip(entry["ids"], entry["scores"][system.name], strict=True)))
                for query, entry in _lists(folder, result.protocol, report.n_rows)
            )
            name = re.sub(r"[^\w.+-]+", "-", system.name)
            write_run(folder / f"{result.protocol}.{name}.run", ranked, system.name)


def _lists(folder: Path, protocol: str, n_rows: int) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(query, entry) of the first `n_rows` records, where they hold a whole list."""
    with (folder / RECORDS).open(encoding="utf-8", newline="\n") as lines:
        for line in islice(lines, n_rows):
            record = json.loads(line)
            entry = record["protocols"].get(protocol, {})
            if "ids" in entry:
                yield record["id"], entry
