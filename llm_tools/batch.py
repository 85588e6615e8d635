"""The one runner under every job that asks a model about many things: journalled, resumable, budgeted."""

import asyncio
import os
from collections.abc import Coroutine, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any, TypeVar

from llm_tools.ask import Failure, Usage, ask
from llm_tools.backends.base import Backend, Message
from llm_tools.blocking import run_blocking
from llm_tools.budget import Budget, Meter
from llm_tools.interrupt import first_interrupt_stops
from llm_tools.journal import FsyncPolicy, Journal, single_writer
from llm_tools.progress import RunProgress
from llm_tools.rows import answer_row, failure_row
from llm_tools.summary import Summary
from llm_tools.tally import Tally
from llm_tools.task import Item, Task
from retriever.errors import StickerError

__all__ = [
    "Summary",
    "answered_rows",
    "failures_path",
    "run_batch",
    "run_batch_async",
    "run_closing",
    "run_to_end",
]

T = TypeVar("T")


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


def run_closing(backend: Backend, work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`, which asks `backend`, on an event loop of its own; closes the backend."""

    async def whole() -> T:
        try:
            return await work
        finally:
            await backend.aclose()

    return run_to_end(whole())


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
    concurrency = max(1, concurrency)
    total = len(items) if isinstance(items, Sequence) else None
    meter = Meter(budget or Budget())
    with single_writer(journal):
        async with Journal(journal, fsync) as answers, Journal(failures_path(journal), fsync) as failures:
            with RunProgress(task.name, total, meter, show_progress) as progress:
                patience = max(4, concurrency)
                tally = Tally(answers, failures, retry_failed, patience, meter.stop, progress.advance)
                await _Run(task, backend, meter, tally).go(items, concurrency)
            return tally.close(meter)


@dataclass
class _Run:
    """The state of one run."""

    task: Task
    backend: Backend
    meter: Meter
    tally: Tally

    async def go(self, items: Iterable[Item], concurrency: int) -> None:
        makers = min(concurrency, 2 * (os.cpu_count() or 1))
        queue: asyncio.Queue[tuple[Item, Sequence[Message]] | None] = asyncio.Queue(maxsize=concurrency)
        todo = self.tally.to_ask(items)
        with (
            ThreadPoolExecutor(makers, thread_name_prefix="prompt") as pool,
            first_interrupt_stops(self.meter.stop),
        ):
            try:
                async with asyncio.TaskGroup() as group:
                    making = [group.create_task(self._make(todo, queue, pool)) for _ in range(makers)]
                    for _ in range(concurrency):
                        group.create_task(self._call(queue))
                    await asyncio.gather(*making)
                    for _ in range(concurrency):
                        await queue.put(None)
            except BaseExceptionGroup as several:
                raise several.exceptions[0] from None

    async def _make(self, todo: Iterator[Item], queue: Any, pool: ThreadPoolExecutor) -> None:
        """Make prompts ahead of the calls."""
        loop = asyncio.get_running_loop()
        for item in todo:
            if self.meter.stop_reason is not None:
                self.tally.not_asked()
                continue
            try:
                messages = await loop.run_in_executor(pool, item.messages)
            except (StickerError, OSError) as error:
                self._fail(item, Failure("unreadable", str(error)), Usage())
                continue
            await queue.put((item, messages))

    async def _call(self, queue: Any) -> None:
        while (entry := await queue.get()) is not None:
            item, messages = entry
            if self.meter.stop_reason is not None:
                self.tally.not_asked()
                continue
            began = monotonic()
            outcome = await ask(self.backend, self.task, messages, item.key, self.meter)
            if outcome.answer is not None:
                model, seconds = self.backend.model, monotonic() - began
                self.tally.file(answer_row(item, self.task, model, outcome.answer, outcome.usage, seconds))
            elif outcome.failure is not None:
                self._fail(item, outcome.failure, outcome.usage)
            else:
                self.tally.not_asked()

    def _fail(self, item: Item, failure: Failure, usage: Usage) -> None:
        self.tally.file(failure_row(item, self.task, self.backend.model, failure, usage))
