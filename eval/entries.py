"""From scores to what a record says of a system: its values, the gold's rank, its best stickers."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eval.metrics.curves import interpolated_precision
from eval.metrics.ranked import Floats, Ties, rank
from eval.protocols import EvalProtocol, Skipped, Task
from eval.record_file import Line
from eval.systems import Rows, Scope

__all__ = ["LEVELS", "Answered", "Question", "judge_block", "question"]

LEVELS = np.linspace(0, 1, 11)
"""The recalls that a record's ``curve`` gives precision at."""

_TOP = 10


class Question(NamedTuple):
    """What one system is asked about one query.

    Attributes:
        tasks: the protocols' tasks that it takes part in; none where it is not asked.
        lists: the library rows that it is asked about, list by list.
        list_of: for each task, which of the lists its scores are taken from.
    """

    tasks: Mapping[str, Task]
    lists: Sequence[Rows]
    list_of: Mapping[str, int]


class Answered(NamedTuple):
    """A query with its scores: by list of the question, by system name, in the order of the list."""

    id: str
    question: Question
    scores: Sequence[Mapping[str, Floats]]


def question(tasks: Mapping[str, Task | Skipped], scope: Scope, by_list: bool) -> Question:
    """What a system is asked: a whole library only where it can score one.

    Args:
        by_list: every list is asked about for itself; otherwise everything that is needed at once.
    """
    wanted = {
        name: task
        for name, task in tasks.items()
        if isinstance(task, Task) and (scope == "library" or task.rows is not None)
    }
    if by_list:
        keys = [None if task.rows is None else task.rows.tobytes() for task in wanted.values()]
        places = {key: at for at, key in enumerate(dict.fromkeys(keys))}
        found = {key: task.rows for key, task in zip(keys, wanted.values(), strict=True)}
        by_task = {name: places[key] for name, key in zip(wanted, keys, strict=True)}
        return Question(wanted, [found[key] for key in places], by_task)
    rows = [task.rows for task in wanted.values() if task.rows is not None]
    needed: Rows = None
    if rows and len(rows) == len(wanted):
        needed = rows[0] if len(rows) == 1 else np.unique(np.concatenate(rows))
    return Question(wanted, [needed] if wanted else [], dict.fromkeys(wanted, 0))


def judge_block(
    block: Sequence[Answered], protocols: Sequence[EvalProtocol], library_ids: Sequence[str], ties: Ties
) -> list[Line]:
    """One line a query: its id and, by protocol, what `eval.records` says of a system."""
    lines: list[Line] = [{"id": answered.id, "protocols": {}} for answered in block]
    for protocol in protocols:
        by_length: dict[int, list[int]] = {}
        for at, answered in enumerate(block):
            task = answered.question.tasks.get(protocol.name)
            if task is not None:
                by_length.setdefault(len(task.relevant), []).append(at)
        for places in by_length.values():
            entries = _judge([block[at] for at in places], protocol, library_ids, ties)
            for at, entry in zip(places, entries, strict=True):
                lines[at]["protocols"][protocol.name] = entry
    return lines


def _judge(
    block: Sequence[Answered], protocol: EvalProtocol, library_ids: Sequence[str], ties: Ties
) -> list[dict[str, Any]]:
    """Entries of queries whose lists have the same length."""
    tasks = [answered.question.tasks[protocol.name] for answered in block]
    relevant = np.stack([task.relevant for task in tasks])
    golds = np.array([-1 if task.gold is None else task.gold for task in tasks])
    entries: list[dict[str, Any]] = [{"values": {}, "rank": {}, "top": {}} for _ in tasks]
    for system in block[0].scores[0]:
        scores = np.stack([_of_task(answered, protocol.name, system) for answered in block])
        lists = rank(scores, relevant, ties)
        columns = {measure.name: measure.of(lists).tolist() for measure in protocol.measures}
        ranks = _rank_of(scores, golds)
        curves = None if protocol.field is None else interpolated_precision(lists, LEVELS)
        for at, (task, entry) in enumerate(zip(tasks, entries, strict=True)):
            entry["values"][system] = {name: column[at] for name, column in columns.items()}
            entry["rank"][system] = None if golds[at] < 0 else float(ranks[at])
            entry["top"][system] = [
                [library_ids[row if task.rows is None else task.rows[row]], float(scores[at, row])]
                for row in _best(scores[at])
            ]
            if task.rows is not None:
                entry.setdefault("scores", {})[system] = scores[at].tolist()
            if curves is not None:
                entry.setdefault("curve", {})[system] = curves[at].round(4).tolist()
    return entries


def _of_task(answered: Answered, protocol: str, system: str) -> Floats:
    """A task's scores, out of those of the list it was asked with."""
    at = answered.question.list_of[protocol]
    scores, asked = answered.scores[at][system], answered.question.lists[at]
    rows = answered.question.tasks[protocol].rows
    if rows is None or rows is asked or (asked is not None and np.array_equal(rows, asked)):
        return scores
    return scores[rows if asked is None else np.searchsorted(asked, rows)]


def _rank_of(scores: Floats, golds: NDArray[np.int64]) -> Floats:
    """Mean rank of each list's gold among those it is tied with, ``(q,)``; nonsense without a gold."""
    own = scores[np.arange(len(scores)), golds][:, None]
    above, equal = (scores > own).sum(axis=1), (scores == own).sum(axis=1)
    ranks: Floats = above + (equal + 1) / 2
    return ranks


def _best(scores: Floats) -> NDArray[np.int64]:
    """Places of the ten best, for people to look at; equal scores in list order."""
    if len(scores) <= _TOP:
        return np.argsort(-scores, kind="stable")
    threshold = np.partition(scores, -_TOP)[-_TOP]
    places = np.flatnonzero(scores >= threshold)
    return places[np.argsort(-scores[places], kind="stable")][:_TOP]
