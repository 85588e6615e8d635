"""The same job on Ray Data: prompts are made and models asked where the cluster has room, rows come home.

The journal stays on the driver, with one writer, so a run is resumed as any other is. A kill costs here what
Ray has not handed back yet: the batches in flight. Limits hold to the call, as on one machine, because every
call asks one meter first; what was handed out by then comes back unasked.
"""

import asyncio
import json
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from llm_tools.ask import Failure, Outcome, Usage, ask
from llm_tools.backends.base import Backend
from llm_tools.batch import answered_rows, failures_path, run_to_end
from llm_tools.budget import Budget, Meter
from llm_tools.describe import DescribeOptions, describe_job, described_rows, sources
from llm_tools.interrupt import first_interrupt_stops
from llm_tools.journal import Journal, single_writer
from llm_tools.progress import RunProgress
from llm_tools.rows import answer_row, failure_row
from llm_tools.summary import Summary
from llm_tools.tally import Tally
from llm_tools.task import Item, Task
from retriever.errors import ModelError, StickerError
from retriever.extras import require
from retriever.packs.entry import PackEntry
from retriever.types import Sticker

if TYPE_CHECKING:
    from llm_tools.ray_meter import SharedMeter

__all__ = ["RayOptions", "describe_on_ray", "run_on_ray"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class RayOptions:
    """How the cluster is used.

    Attributes:
        address: of a running cluster; None starts one on this machine.
        actors: how many hold a model (or a connection to a server).
        gpus: of each; none on a cluster that was started here and has none (vLLM also runs on CPUs).
        cpus: of each. Below 1 on small machines: actors that take every core starve the reader.
        batch_size: items an actor is handed at once; also what it keeps in flight.
    """

    address: str | None = None
    actors: int = 1
    gpus: float = 0
    cpus: float = 0.5
    batch_size: int = 64


def run_on_ray(
    items: Iterable[Item],
    task: Task,
    factory: Callable[[], Backend],
    journal: Path,
    options: RayOptions | None = None,
    *,
    budget: Budget | None = None,
    retry_failed: bool = False,
    show_progress: bool | None = None,
) -> Summary:
    """`llm_tools.batch.run_batch` on a Ray cluster; nothing is started when nothing is left to ask.

    Args:
        factory: makes the backend in every actor; has to be picklable, e.g. ``partial(HTTPBackend, url)`` or
            ``partial(VLLMBackend, model)``.
        journal: on the driver; failures go beside it.
        budget, retry_failed, show_progress: as there. Minutes count from the first call.

    Raises:
        MissingExtra: Ray is not installed.
        LibraryLocked: another process writes the journal.
        ModelError: a backend does not load, or is gone; the message has its last words.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_DATA_DISABLE_PROGRESS_BARS", "1")  # a run has its own
    require("ray.data", "ray", "the ray engine")
    options = options or RayOptions()
    return run_to_end(
        _run(list(items), task, factory, journal, options, budget or Budget(), retry_failed, show_progress)
    )


async def _run(
    items: Sequence[Item],
    task: Task,
    factory: Callable[[], Backend],
    journal: Path,
    options: RayOptions,
    budget: Budget,
    retry_failed: bool,
    show_progress: bool | None,
) -> Summary:
    """The driver's part."""
    here = Meter()  # what came home; the limits are kept by the shared meter
    stops: list[Callable[[str], None]] = []

    def stop(reason: str) -> None:
        for each in stops:
            each(reason)

    with single_writer(journal):
        async with Journal(journal) as answers, Journal(failures_path(journal)) as failures:
            with RunProgress(task.name, len(items), here, show_progress) as progress:
                patience = max(4, options.actors * options.batch_size)
                tally = Tally(answers, failures, retry_failed, patience, stop, progress.advance)
                if waiting := list(tally.to_ask(items)):
                    _start(options)
                    from llm_tools.ray_meter import SharedMeter

                    meter = SharedMeter(budget)
                    stops.append(meter.stop)
                    with first_interrupt_stops(meter.stop):
                        await _file(_rows(waiting, task, factory, options, meter), tally, here)
                    if (reason := meter.stop_reason) is not None:
                        here.stop(reason)
        return tally.close(here)


def _rows(
    waiting: Sequence[Item],
    task: Task,
    factory: Callable[[], Backend],
    options: RayOptions,
    meter: "SharedMeter",
) -> Iterator[str]:
    """The rows as they come home; an item of which there is none yet gives one that says so.

    Raises:
        ModelError: what happened in an actor.
    """
    import cloudpickle
    import ray

    table = ray.data.from_items([{"item": cloudpickle.dumps(item)} for item in waiting])
    answered = table.repartition(_blocks(len(waiting), options)).map_batches(
        _Asker,
        fn_constructor_args=(factory, task, meter),
        batch_size=options.batch_size,
        compute=ray.data.ActorPoolStrategy(size=options.actors),
        num_cpus=options.cpus,
        num_gpus=_gpus(options),
    )
    try:
        for entry in answered.iter_rows():
            yield entry["row"]
    except ray.exceptions.RayError as error:
        raise ModelError(f"the job on Ray ended: {_last_words(error)}") from error


async def _file(rows: Iterator[str], tally: Tally, here: Meter) -> None:
    """Waits for rows in a thread, so that an interrupt is heard and the journal synced meanwhile."""
    while (text := await asyncio.to_thread(next, rows, None)) is not None:
        row = json.loads(text)
        usage = Usage(**{name: row["usage"][name] for name in asdict(Usage())})
        here.calls += usage.calls
        here.prompt_tokens += usage.prompt_tokens
        here.completion_tokens += usage.completion_tokens
        if row.get("not_asked"):
            tally.not_asked()
        else:
            tally.file(row)


class _Asker:
    """What an actor does: one backend, many items."""

    def __init__(self, factory: Callable[[], Backend], task: Task, meter: "SharedMeter") -> None:
        self._backend, self._task, self._meter = factory(), task, meter
        self._loop = asyncio.new_event_loop()
        self._loop.run_until_complete(self._backend.check())

    def __call__(self, batch: Mapping[str, Any]) -> dict[str, list[str]]:
        import cloudpickle

        items = [cloudpickle.loads(item) for item in batch["item"]]
        if self._meter.stop_reason is not None:
            return {"row": [_unasked(item, Usage()) for item in items]}
        return {"row": self._loop.run_until_complete(self._ask_all(items))}

    async def _ask_all(self, items: Sequence[Item]) -> list[str]:
        return list(await asyncio.gather(*(self._ask_one(item) for item in items)))

    async def _ask_one(self, item: Item) -> str:
        began = monotonic()
        try:
            messages = await asyncio.to_thread(item.messages)
        except (StickerError, OSError) as error:
            outcome = Outcome(failure=Failure("unreadable", str(error)))
        else:
            outcome = await ask(self._backend, self._task, messages, item.key, self._meter)
        model = self._backend.model
        if outcome.answer is not None:
            seconds = monotonic() - began
            return json.dumps(answer_row(item, self._task, model, outcome.answer, outcome.usage, seconds))
        if outcome.failure is not None:
            return json.dumps(failure_row(item, self._task, model, outcome.failure, outcome.usage))
        return _unasked(item, outcome.usage)


def _unasked(item: Item, usage: Usage) -> str:
    return json.dumps({"key": item.key, "not_asked": True, "usage": asdict(usage)})


def _blocks(count: int, options: RayOptions) -> int:
    """Blocks no larger than a batch: a block's rows come home together."""
    return max(1, -(-count // options.batch_size))


def describe_on_ray(
    stickers: Iterable[Sticker | PackEntry],
    factory: Callable[[], Backend],
    model: str,
    journal: Path,
    options: DescribeOptions | None = None,
    ray: RayOptions | None = None,
    **run: Any,
) -> tuple[list[dict[str, Any]], Summary]:
    """`llm_tools.describe.describe` on a Ray cluster; the same rows, the same journal.

    Args:
        stickers: their images have to be readable from every machine of the cluster.
        factory: see `run_on_ray`.
        model: the id that the backend records.
        run: further arguments of `run_on_ray` (budget, retry_failed, show_progress).
    """
    options = options or DescribeOptions()
    known = list(sources(stickers))
    task, items = describe_job(known, model, options)
    summary = run_on_ray(items, task, factory, journal, ray, **run)
    return described_rows(known, items, answered_rows(journal), options.per_attribute), summary


def _start(options: RayOptions) -> None:
    import ray

    if ray.is_initialized():
        return
    for last in (False, False, True):
        try:
            ray.init(
                address=options.address, include_dashboard=False, log_to_driver=False, configure_logging=False
            )
            return
        except Exception as error:  # of a start that takes too long Ray raises that very class
            ray.shutdown()
            if "timed out" not in str(error):
                raise
            if last:
                raise ModelError(
                    "Ray did not start within its half a minute, three times: the machine is too busy. Start "
                    "it with `ray start --head` when it is quiet, and give --ray-address auto"
                ) from error
            logger.warning("Ray did not start within its half a minute; trying again")


def _gpus(options: RayOptions) -> float:
    """What to ask Ray for: an actor that wants a GPU where there is none would wait for ever."""
    import ray

    if options.gpus and options.address is None and not ray.cluster_resources().get("GPU"):
        logger.warning("this Ray cluster has no GPU; models run on its CPUs")
        return 0
    return options.gpus


def _last_words(error: BaseException) -> str:
    """The end of a remote traceback: what was raised there."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1][:400] if lines else type(error).__name__
