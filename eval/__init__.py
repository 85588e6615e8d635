"""Measuring any scorer: metrics, protocols, the harness and its reports.

Importing this package does no work: each public name is loaded when it is first used. The measures themselves
are in `eval.metrics`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from eval.datasets import Dataset, Sample, open_dataset
    from eval.harness import evaluate
    from eval.judging import judge
    from eval.report import to_markdown, to_rich
    from eval.results import Report
    from eval.run_folder import read_records
    from eval.runs import read_qrels, read_run, write_qrels, write_run
    from eval.systems import SystemSpec, from_recallers

_HOME = {
    "Dataset": "eval.datasets",
    "Report": "eval.results",
    "Sample": "eval.datasets",
    "SystemSpec": "eval.systems",
    "evaluate": "eval.harness",
    "from_recallers": "eval.systems",
    "judge": "eval.judging",
    "open_dataset": "eval.datasets",
    "read_qrels": "eval.runs",
    "read_records": "eval.run_folder",
    "read_run": "eval.runs",
    "to_markdown": "eval.report",
    "to_rich": "eval.report",
    "write_qrels": "eval.runs",
    "write_run": "eval.runs",
}

__all__ = [
    "Dataset",
    "Report",
    "Sample",
    "SystemSpec",
    "evaluate",
    "from_recallers",
    "judge",
    "open_dataset",
    "read_qrels",
    "read_records",
    "read_run",
    "to_markdown",
    "to_rich",
    "write_qrels",
    "write_run",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'eval' has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(import_module(_HOME[name]), name)
