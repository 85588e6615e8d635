"""The first pass of an evaluation: every query and its tasks, before any system is asked."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from eval.datasets import Dataset
from eval.facts import FactFinder
from eval.metrics.ranked import Ties
from eval.protocols import EvalProtocol, Skipped
from eval.record_file import Line, read_lines
from eval.records import query_line
from eval.run_folder import RunFolder
from retriever.errors import InputError
from retriever.progress import bar

__all__ = ["Noted", "Plan", "note_queries"]

_LINES = 1000
_SHOWN_PROBLEMS = 5


@dataclass(frozen=True, slots=True)
class Plan:
    """What is judged, and how.

    Attributes:
        source: the dataset.
        protocols: all of them, whoever takes part.
        library_ids: in row order.
        ties: how equal scores are judged.
        limit: only the first so many samples.
        strict: raise at the first bad row.
    """

    source: Dataset
    protocols: Sequence[EvalProtocol]
    library_ids: Sequence[str]
    ties: Ties
    limit: int | None = None
    strict: bool = False


@dataclass(frozen=True, slots=True)
class Noted:
    """What the first pass found.

    Attributes:
        n_rows: samples read.
        n_bad_rows: rows that could not be read as samples.
        problems: what was wrong with the first of them.
        with_lists: protocols that rank what a query brings along, not the whole library.
    """

    n_rows: int
    n_bad_rows: int
    problems: tuple[str, ...]
    with_lists: frozenset[str]


def note_queries(
    plan: Plan, folder: RunFolder, facts: FactFinder, show_progress: bool | None = None
) -> Noted:
    """Write a line a query into the folder; those that are there are not written again.

    Raises:
        InputError: no query can be judged by any protocol (says why), or a query that is there has other
            candidates now.
        ConversationError: a bad row, where the plan is strict.
    """
    reader = plan.source.samples(plan.strict)
    skipped: dict[str, Counter[str]] = {protocol.name: Counter() for protocol in plan.protocols}
    judged = n_rows = 0
    with_lists: set[str] = set()
    fresh: list[Line] = []
    with folder.queries() as file, bar("Reading", plan.limit, show_progress, "conversations") as advance:
        known = read_lines(file.path, file.n)
        for sample in islice(reader, plan.limit):
            tasks = {protocol.name: protocol.task(sample) for protocol in plan.protocols}
            for name, task in tasks.items():
                if isinstance(task, Skipped):
                    skipped[name][task.reason] += 1
                else:
                    judged += 1
                    if task.rows is not None:
                        with_lists.add(name)
            n_rows += 1
            noted = next(known, None)
            if noted is None:
                fresh.append(query_line(sample, tasks, facts(sample), plan.library_ids))
            else:
                _check_same(noted, query_line(sample, tasks, {}, plan.library_ids), folder)
            if len(fresh) == _LINES:
                file.append(fresh)
                fresh.clear()
            advance(1)
        file.append(fresh)
    if not judged:
        reasons = "; ".join(
            f"{name}: " + ", ".join(f"{reason} ({n})" for reason, n in counted.most_common())
            for name, counted in skipped.items()
        )
        raise InputError(
            f"none of {n_rows} queries of {plan.source.name} can be judged ({reasons}; "
            f"{reader.n_problems} bad rows); is this the library that the dataset was made with?"
        )
    problems = tuple(str(problem) for problem in reader.problems[:_SHOWN_PROBLEMS])
    return Noted(n_rows, reader.n_problems, problems, frozenset(with_lists))


def _check_same(there: Line, now: Line, folder: RunFolder) -> None:
    """Frozen candidates lie in files of their own: they may have changed under a half-done run."""
    if (there.get("id"), there.get("protocols")) != (now["id"], now["protocols"]):
        raise InputError(
            f"{folder.path} knows query {there.get('id')!r} with other candidates or labels than the data "
            "have now; give another folder, or delete this one"
        )
