"""The second pass of an evaluation, once a system: ask it about every query and write down what it got."""

from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from pathlib import Path
from time import monotonic, perf_counter
from typing import TypeVar

import numpy as np

from eval.costs import CostLog
from eval.datasets import Sample
from eval.entries import Answered, Question, judge_block, question
from eval.metrics.ranked import Floats
from eval.queries import Plan
from eval.record_file import RecordFile, read_lines
from eval.run_folder import RunFolder
from eval.systems import TOGETHER, Asked, ReadsTogether, Rows, Scored, System, SystemSpec, checked
from retriever.errors import InputError
from retriever.progress import bar

__all__ = ["score_system"]

T = TypeVar("T")

_BLOCK, _BLOCK_SCORES = 64, 4_000_000
_LONGEST = 15.0
"""Seconds of work that a kill may cost, if a single conversation takes no longer."""


def score_system(
    spec: SystemSpec,
    folder: RunFolder,
    plan: Plan,
    n_rows: int,
    others: Collection[str],
    show_progress: bool | None = None,
    at_once: int | None = None,
) -> None:
    """Ask a system about the first `n_rows` samples, where that is not done; it is not opened if nothing is.

    Args:
        others: names that the system must not answer with.
        at_once: ask about no more conversations at once than this; None leaves it to the system.

    Raises:
        ModelError: the system does not answer, or gave scores that cannot be used.
        InputError: it answers with names that are taken, or that change.
    """
    with folder.records_of(spec.name) as file:
        if file.n >= n_rows:
            return
        names = _Names(spec, others, file.path)
        log = CostLog(folder.costs_of(spec.name))
        start = perf_counter()
        system = spec.open()
        log.opened(perf_counter() - start)
        size = _block_size(len(plan.library_ids))
        done = file.n % size  # blocks are always cut in the same way, wherever a run was stopped
        todo = islice(plan.source.samples(plan.strict), file.n - done, n_rows)
        try:
            with bar(spec.name, n_rows - file.n, show_progress, "conversations") as advance:
                batch = max(1, min(system.batch, at_once or system.batch))
                work = _Work(spec, system, plan, file, log, names, batch)
                for block in _batched(todo, size):
                    work.do(block, done)
                    advance(len(block) - done)
                    done = 0
        except BaseException:
            log.scored([], 0.0, system.usage)  # what an unfinished block has used of a model is spent
            raise
        finally:
            system.close()


class _Work:
    """One system's way through the blocks."""

    def __init__(
        self,
        spec: SystemSpec,
        system: System,
        plan: Plan,
        file: RecordFile,
        log: CostLog,
        names: "_Names",
        batch: int,
    ) -> None:
        self._spec, self._system, self._plan = spec, system, plan
        self._file, self._log, self._names = file, log, names
        self._batch = batch

    def do(self, block: Sequence[Sample], done: int) -> None:
        """Ask about a block, and write it down in one piece or, if it takes long, in several.

        Args:
            done: the first so many are written down already.
        """
        asked = []
        for sample in block:
            tasks = {protocol.name: protocol.task(sample) for protocol in self._plan.protocols}
            asked.append((sample, question(tasks, self._spec.scope, self._spec.by_list)))
        start = perf_counter()
        if lists := [rows for _, asking in asked[done:] for rows in asking.lists]:
            self._system.prepare(_all_rows(lists))
        stickers = perf_counter() - start
        answered: list[Answered] = []
        times: list[float] = []
        begun = monotonic()
        first = done - done % self._batch
        for part in _batched(iter(asked[first:]), self._batch):
            answered += self._score(part, max(0, done - first), times)
            first += len(part)
            if monotonic() - begun > _LONGEST:
                self._write(answered, times, stickers)
                answered, times, stickers, begun = [], [], 0.0, monotonic()
        self._write(answered, times, stickers)

    def _score(
        self, part: Sequence[tuple[Sample, Question]], done: int, times: list[float]
    ) -> list[Answered]:
        # a query that no protocol can judge costs no scoring
        talks = [sample.conversation for sample, asking in part if asking.lists]
        part = part[done:]
        asked = [Asked(sample.conversation, rows) for sample, asking in part for rows in asking.lists]
        start = perf_counter()
        if asked and self._batch > 1 and isinstance(self._system, ReadsTogether):
            self._system.read(talks)
        scores = iter(self._system.score(asked) if asked else ())
        n = sum(bool(asking.lists) for _, asking in part)
        # those that are asked about at once share the time evenly
        times += [1000 * (perf_counter() - start) / n] * n if n else []
        found = []
        for sample, asking in part:
            scored = [self._checked(next(scores), rows, sample.conversation.id) for rows in asking.lists]
            found.append(Answered(sample.conversation.id, asking, scored))
        return found

    def _checked(self, scored: Scored, rows: Rows, query: str) -> dict[str, Floats]:
        good = checked(scored, len(self._plan.library_ids) if rows is None else len(rows), query)
        self._names.check(good, query)
        return good

    def _write(self, answered: Sequence[Answered], times: Sequence[float], stickers: float) -> None:
        if answered:
            plan = self._plan
            self._file.append(judge_block(answered, plan.protocols, plan.library_ids, plan.ties))
            self._log.scored(times, stickers, self._system.usage, min(self._batch, len(answered)))


class _Names:
    """Sees to it that a system answers with its own name every time (or, of several, with the same)."""

    def __init__(self, spec: SystemSpec, others: Collection[str], path: Path) -> None:
        self._own = frozenset({spec.name}) if spec.name != TOGETHER else _names_in(path)
        self._others = frozenset(others) - {spec.name}

    def check(self, scored: Collection[str], query: str) -> None:
        """Raises:
        InputError: other names than before, no name, or one that is taken.
        """
        if self._own is None:
            if not scored:
                raise InputError(f"no system scored query {query!r}; expected at least one")
            if taken := self._others & frozenset(scored):
                raise InputError(f"two systems have the same name: {', '.join(sorted(taken))}")
            self._own = frozenset(scored)
        if self._own != frozenset(scored):
            raise InputError(
                f"query {query!r} was scored by {', '.join(sorted(scored))}, "
                f"others by {', '.join(sorted(self._own))}; every query needs the same systems"
            )


def _names_in(path: Path) -> frozenset[str] | None:
    """Names of the systems in records made earlier, or None."""
    for line in read_lines(path):
        for entry in line["protocols"].values():
            return frozenset(entry["values"])
    return None


def _all_rows(lists: Sequence[Rows]) -> Rows:
    """What a block needs of the library."""
    some = [rows for rows in lists if rows is not None]
    return None if len(some) < len(lists) else np.unique(np.concatenate(some))


def _block_size(n_library: int) -> int:
    """So many that a block's scores stay within some hundred megabytes, whatever the library."""
    return max(1, min(_BLOCK, _BLOCK_SCORES // n_library))


def _batched(items: Iterator[T], size: int) -> Iterator[list[T]]:
    while part := list(islice(items, size)):
        yield part
