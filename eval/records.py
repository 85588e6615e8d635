"""What is known of every query: what was ranked, what each system got for it, and its best stickers.

`read_records` gives one such dictionary a query, in the dataset's order, put together from the files that
`eval.run_folder` describes::

    {"id": "q1",
     "facts": {"n_utterances": 4, "mode": "reply", "reply_speaker": "B",
               "said": [["A", "I lost my keys"], ...],
               "gold": "p/3", "label": "fear", "verbal": true, "unseen": false, "sentiment": 0.62},
     "protocols": {
        "candidates": {"n": 10, "relevant": 1, "label": "fear", "gold": ["p/3"], "ids": ["p/7", ...],
                       "values": {"lexical": {"R@1": 0.0, ...}},
                       "rank": {"lexical": 3.0},
                       "top": {"lexical": [["p/9", 3.2], ...]},
                       "scores": {"lexical": [0.1, ...]}},
        "library": {"n": 882, "relevant": 66, "label": "fear", "gold": ["p/3"],
                    "values": {...}, "rank": {...}, "top": {...},
                    "curve": {"lexical": [1.0, 0.8, ...]}},
        "other": {"skipped": "no label"}}}

Facts, each None where it is not known: ``said``, the last four messages, each cut at 300 characters;
``label``, by the dataset's field; ``verbal``, whether the gold has words on it (None where no sticker of the
library was looked at); ``unseen``, that no row of the train split was answered with the gold; ``sentiment``,
the positive share of the words that carry sentiment, 0 to 1, 0.5 where none does.

By protocol: ``label`` is what macro averages are taken over. ``gold`` holds the sticker that was sent, where
it is among those ranked, else nothing. ``rank`` is its rank among the ``n``, 1 the best: the mean rank of the
stickers it is tied with, so it may end in .5; None without a gold. ``top`` holds the ten best ids with their
scores, best first, equal ones in list order. ``ids`` and ``scores`` (in the order of ``ids``) are there where
a query brings its own list. ``curve`` is there where relevance is by label: interpolated precision at recall
0, 0.1, ..., 1, rounded to four digits. A system that cannot be asked about a protocol's lists (an LLM about a
whole library) is missing from its ``values``, ``rank``, ``top``, ``scores`` and ``curve``.

All other numbers come back from JSON to the last bit, so a run that was stopped and resumed gives the same
report.
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
