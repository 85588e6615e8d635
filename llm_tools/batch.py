"""The one runner under every job that asks a model about many things: journalled, resumable, budgeted."""

import asyncio
import logging
import os
from collections.abc import Coroutine, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any, TypeVar

from llm_tools.ask import Failure, Outcome, Usage, ask
from llm_tools.backends.base import Backend, Message
from llm_tools.blocking import run_blocking
from llm_tools.budget import Budget, Meter
from llm_tools.interrupt import first_interrupt_stops
from llm_tools.journal import FsyncPolicy, Journal, single_writer
from llm_tools.progress import RunProgress
from llm_tools.rows import answer_row, failure_row
from llm_tools.summary import Summary
from llm_tools.task import Item, Task
from retriever.errors import StickerError

__all__ = ["Summary", "answered_rows", "failures_path", "run_batch", "run_batch_async", "run_to_end"]

logger = logging.getLogger(__name__)

T = TypeVar("T")

_TRIED_AGAIN = frozenset({"transport"})
"""Failures that say nothing about the item: the next run asks again."""


def failures_path(journal: Path) -> Path:
    """Where the failures beside `journal` are written."""
    return journal.with_name(f"{journal.stem}.failures.jsonl")


def answered_rows(journal: Path) -> dict[str, dict[str, Any]]:
    """The rows of a journal by key; the newest where a key was written twice."""
    return {row["key"]: row for row in Journal(journal).rows()}


def run_to_end(work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`, on an event loop of its own; also inside a running loop (a notebook)."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    return run_blocking(work)


def run_batch(*args: Any, **kwargs: Any) -> Summary:
    """`run_batch_async` for callers without an event loop."""
    return run_to_end(run_batch_async(*args, **kwargs))


async def run_batch_async(
    items: Iterable[Item],
    task: Task,
    backend: Backend,
    journal: Path,
    *,
    budget: Budget | None = None,
    concurrency: int = 64,
    fsync: FsyncPolicy = "interval",
    retry_failed: bool = False,
    show_progress: bool | None = None,
) -> Summary:
    """Ask about every item whose key has no row yet; a row is on disk as soon as its answer is known.

    The model is kept busy by `concurrency` calls in flight that do not wait for one another; prompts are made
    ahead, in threads. Killed at any moment, a run loses at most the calls in flight; the same call goes on
    from there. The first Ctrl-C lets the calls in flight finish, the second does not.

    Args:
        items: what to ask about; may be an iterator of any length.
        backend: its `check` must have been called.
        journal: the JSONL file of rows; failures go to `failures_path` beside it.
        budget: when to stop; what is not asked is counted and left for the next run.
        concurrency: calls in flight.
        fsync: when rows are forced to the disk.
        retry_failed: ask again about items that failed in an earlier run. Those that failed on the way to the
            model are asked again in any case.

    Raises:
        LibraryLocked: another process writes this journal.
        ModelError: the model will not answer any call (wrong key, no such model).
    """
    with single_writer(journal):
        async with Journal(journal, fsync) as answers, Journal(failures_path(journal), fsync) as failures:
            run = _Run(task, backend, answers, failures, Meter(budget or Budget()), retry_failed)
            return await run.go(items, max(1, concurrency), show_progress)


@dataclass
class _Run:
    """The state of one run."""

    task: Task
    backend: Backend
    answers: Journal
    failures: Journal
    meter: Meter
    retry_failed: bool
    summary: Summary = field(default_factory=Summary)
    done: set[str] = field(default_factory=set)
    failed_now: dict[str, str] = field(default_factory=dict)
    waiting: set[str] = field(default_factory=set)
    twins: list[str] = field(default_factory=list)
    failed_before: set[str] = field(default_factory=set)
    lost_in_a_row: int = 0

    async def go(self, items: Iterable[Item], concurrency: int, show_progress: bool | None) -> Summary:
        self._load()
        total = len(items) if isinstance(items, Sequence) else None
        makers = min(concurrency, 2 * (os.cpu_count() or 1))
        queue: asyncio.Queue[tuple[Item, Sequence[Message]] | None] = asyncio.Queue(maxsize=concurrency)
        todo = self._todo(items)
        with (
            RunProgress(self.task.name, total, self.meter, show_progress) as progress,
            ThreadPoolExecutor(makers, thread_name_prefix="prompt") as pool,
            first_interrupt_stops(self.meter),
        ):
            self.progress = progress
            try:
                async with asyncio.TaskGroup() as group:
                    making = [group.create_task(self._make(todo, queue, pool)) for _ in range(makers)]
                    for _ in range(concurrency):
                        group.create_task(self._call(queue, concurrency))
                    await asyncio.gather(*making)
                    for _ in range(concurrency):
                        await queue.put(None)
            except BaseExceptionGroup as several:
                raise several.exceptions[0] from None
        return self._summed_up()

    def _load(self) -> None:
        self.done = {row["key"] for row in self.answers.rows()}
        if not self.retry_failed:
            known = (row["key"] for row in self.failures.rows() if row["reason"] not in _TRIED_AGAIN)
            self.failed_before = {key for key in known if key not in self.done}

    def _todo(self, items: Iterable[Item]) -> Iterator[Item]:
        for item in items:
            self.summary.items += 1
            if item.key in self.done:
                self.summary.reused += 1
                self.progress.advance(failed=False)
            elif item.key in self.failed_before:
                self.summary.failed_before += 1
                self.progress.advance(failed=True)
            elif item.key in self.waiting:
                self.twins.append(item.key)
            else:
                self.waiting.add(item.key)
                yield item

    async def _make(self, todo: Iterator[Item], queue: Any, pool: ThreadPoolExecutor) -> None:
        """Make prompts ahead of the calls."""
        loop = asyncio.get_running_loop()
        for item in todo:
            if self.meter.stop_reason is not None:
                self.summary.not_asked += 1
                continue
            try:
                messages = await loop.run_in_executor(pool, item.messages)
            except (StickerError, OSError) as error:
                self._fail(item, Failure("unreadable", str(error)))
                continue
            await queue.put((item, messages))

    async def _call(self, queue: Any, concurrency: int) -> None:
        while (entry := await queue.get()) is not None:
            item, messages = entry
            if self.meter.stop_reason is not None:
                self.summary.not_asked += 1
                continue
            began = monotonic()
            outcome = await ask(self.backend, self.task, messages, item.key, self.meter)
            if outcome.answer is not None:
                self._answered(item, outcome.answer, outcome.usage, monotonic() - began)
            elif outcome.failure is not None:
                self._fail(item, outcome.failure, outcome.usage)
            else:
                self.summary.not_asked += 1
            self._watch_for_loss(outcome, concurrency)

    def _watch_for_loss(self, outcome: Outcome, concurrency: int) -> None:
        """A server that is gone would turn the whole rest into failures: stop instead."""
        lost = outcome.failure is not None and outcome.failure.reason == "transport"
        self.lost_in_a_row = self.lost_in_a_row + 1 if lost else 0
        if self.lost_in_a_row >= max(4, concurrency) and outcome.failure is not None:
            self.meter.stop(f"{self.lost_in_a_row} calls in a row got no answer: {outcome.failure.message}")

    def _answered(self, item: Item, answer: dict[str, Any], usage: Usage, seconds: float) -> None:
        self.answers.append(answer_row(item, self.task, self.backend.model, answer, usage, seconds))
        self.done.add(item.key)
        self.summary.answered += 1
        self.progress.advance(failed=False)

    def _fail(self, item: Item, failure: Failure, usage: Usage | None = None) -> None:
        row = failure_row(item, self.task, self.backend.model, failure, usage or Usage())
        self.failures.append(row)
        self.failed_now[item.key] = failure.reason
        self.summary.failed[failure.reason] += 1
        self.progress.advance(failed=True)

    def _summed_up(self) -> Summary:
        summary, meter = self.summary, self.meter
        for key in self.twins:  # what became of an item holds for all with its key
            if key in self.done:
                summary.reused += 1
            elif key in self.failed_now:
                summary.failed[self.failed_now[key]] += 1
            else:
                summary.not_asked += 1
        summary.calls = meter.calls
        summary.prompt_tokens, summary.completion_tokens = meter.prompt_tokens, meter.completion_tokens
        summary.seconds = meter.seconds
        summary.stopped = meter.stop_reason if summary.not_asked else None
        logger.info("%s", summary)
        return summary
