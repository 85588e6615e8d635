"""One JSON record a query: what was ranked, what each system got for it, and its best stickers.

::

    {"id": "q1", "protocols": {
        "candidates": {"n": 10, "relevant": 1, "label": "fear", "gold": ["p/3"], "ids": ["p/7", ...],
                       "values": {"lexical": {"R@1": 0.0, ...}}, "scores": {"lexical": [0.1, ...]}},
        "library": {"n": 882, "relevant": 66, "label": "fear", "values": {...},
                    "top": {"lexical": [["p/9", 3.2], ...]}},
        "other": {"skipped": "no label"}}}

A record says all that reports and run files need, and its numbers come back from JSON to the last bit, so a
run that was stopped and resumed gives the same report.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.metrics.ranked import Ties, rank
from eval.protocols import EvalProtocol, Skipped, Task

__all__ = ["Query", "Record", "make_records"]

Record = dict[str, Any]
Query = tuple[str, Mapping[str, Task | Skipped]]
"""A query's id and its task in each protocol."""

_TOP = 10


def make_records(
    queries: Sequence[Query],
    scored: Sequence[Mapping[str, NDArray[np.float64]]],
    protocols: Sequence[EvalProtocol],
    library_ids: Sequence[str],
    ties: Ties,
) -> list[Record]:
    """Judge a block of queries.

    Args:
        queries: ids and tasks, by protocol name.
        scored: for each query the systems' scores ``(n_library,)``; empty for a query without any task.
        ties: how equal scores are judged.
    """
    records: list[Record] = [{"id": query, "protocols": {}} for query, _ in queries]
    for protocol in protocols:
        by_length: dict[int, list[int]] = {}
        for at, (_, tasks) in enumerate(queries):
            task = tasks[protocol.name]
            if isinstance(task, Skipped):
                records[at]["protocols"][protocol.name] = {"skipped": task.reason}
            else:
                by_length.setdefault(len(task.relevant), []).append(at)
        for places in by_length.values():
            block = [(queries[at][1][protocol.name], scored[at]) for at in places]
            judged = _judge(block, protocol, library_ids, ties)
            for at, entry in zip(places, judged, strict=True):
                records[at]["protocols"][protocol.name] = entry
    return records


def _judge(
    block: Sequence[tuple[Task | Skipped, Mapping[str, NDArray[np.float64]]]],
    protocol: EvalProtocol,
    library_ids: Sequence[str],
    ties: Ties,
) -> list[dict[str, Any]]:
    """Entries of queries whose lists have the same length."""
    tasks = [task for task, _ in block if isinstance(task, Task)]
    relevant = np.stack([task.relevant for task in tasks])
    entries = [_entry(task, library_ids) for task in tasks]
    for system in block[0][1]:
        scores = np.stack(
            [
                scored[system] if task.rows is None else scored[system][task.rows]
                for task, (_, scored) in zip(tasks, block, strict=True)
            ]
        )
        lists = rank(scores, relevant, ties)
        columns = {measure.name: measure.of(lists).tolist() for measure in protocol.measures}
        for at, (task, entry) in enumerate(zip(tasks, entries, strict=True)):
            entry["values"][system] = {name: column[at] for name, column in columns.items()}
            if task.rows is None:
                entry["top"][system] = [
                    [library_ids[row], float(scores[at, row])] for row in _best(scores[at])
                ]
            else:
                entry["scores"][system] = scores[at].tolist()
    return entries


def _entry(task: Task, library_ids: Sequence[str]) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "n": len(task.relevant),
        "relevant": int(task.relevant.sum()),
        "label": task.label,
        "values": {},
    }
    if task.rows is None:
        return entry | {"top": {}}
    ids = [library_ids[row] for row in task.rows]
    gold = [sticker for sticker, hit in zip(ids, task.relevant, strict=True) if hit]
    return entry | {"gold": gold, "ids": ids, "scores": {}}


def _best(scores: NDArray[np.float64]) -> NDArray[np.int64]:
    """Rows of the ten best, for people to look at; equal scores in row order."""
    if len(scores) <= _TOP:
        return np.argsort(-scores, kind="stable")
    threshold = np.partition(scores, -_TOP)[-_TOP]
    rows = np.flatnonzero(scores >= threshold)
    return rows[np.argsort(-scores[rows], kind="stable")][:_TOP]
