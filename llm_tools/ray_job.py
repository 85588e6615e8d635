"""The same job on Ray Data: prompts are made and models asked where the cluster has room, rows come home.

The journal stays on the driver, with one writer, so a run is resumed as any other is. A kill costs here what
Ray has not handed back yet: the batches in flight.
"""

import asyncio
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import monotonic
from typing import Any

from llm_tools.ask import Failure, Outcome, Usage, ask
from llm_tools.backends.base import Backend
from llm_tools.batch import answered_rows, failures_path
from llm_tools.budget import Meter
from llm_tools.describe import DescribeOptions, describe_items, described_rows, sources
from llm_tools.journal import Journal, single_writer
from llm_tools.rows import answer_row, failure_row
from llm_tools.summary import Summary
from llm_tools.task import Item, Task
from retriever.errors import MissingExtra, StickerError
from retriever.packs.entry import PackEntry
from retriever.types import Sticker

__all__ = ["RayOptions", "describe_on_ray", "run_on_ray"]


@dataclass(frozen=True)
class RayOptions:
    """How the cluster is used.

    Attributes:
        address: of a running cluster; None starts one on this machine.
        actors: how many hold a model (or a connection to a server).
        gpus: of each.
        cpus: of each. Below 1 on small machines: actors that take every core starve the reader.
        batch_size: items an actor is handed at once; also what it keeps in flight.
    """

    address: str | None = None
    actors: int = 1
    gpus: float = 0
    cpus: float = 0.5
    batch_size: int = 64


class _Asker:
    """What an actor does: one backend, many items."""

    def __init__(self, factory: Callable[[], Backend], task: Task) -> None:
        self._backend, self._task = factory(), task
        self._loop = asyncio.new_event_loop()
        self._loop.run_until_complete(self._backend.check())

    def __call__(self, batch: Mapping[str, Any]) -> dict[str, list[str]]:
        import cloudpickle

        items = [cloudpickle.loads(item) for item in batch["item"]]
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
            outcome = await ask(self._backend, self._task, messages, item.key, Meter())
        model = self._backend.model
        if outcome.answer is not None:
            seconds = monotonic() - began
            return json.dumps(answer_row(item, self._task, model, outcome.answer, outcome.usage, seconds))
        failure = outcome.failure or Failure("transport", "not asked")
        return json.dumps(failure_row(item, self._task, model, failure, outcome.usage))


def run_on_ray(
    items: Iterable[Item],
    task: Task,
    factory: Callable[[], Backend],
    journal: Path,
    options: RayOptions | None = None,
) -> Summary:
    """Ask about every item whose key the journal lacks, on a Ray cluster.

    Args:
        factory: makes the backend in every actor; has to be picklable, e.g. ``partial(HTTPBackend, url)`` or
            ``partial(VLLMBackend, model)``.
        journal: on the driver; failures go beside it.

    Raises:
        MissingExtra: Ray is not installed.
        LibraryLocked: another process writes the journal.
    """
    data = _import_ray()
    options = options or RayOptions()
    import cloudpickle

    began = monotonic()
    with single_writer(journal):
        everything = list(items)
        known = answered_rows(journal)
        waiting = {item.key: item for item in everything if item.key not in known}
        summary = Summary(items=len(everything))
        rows: list[str] = []
        if waiting:
            _start(options)
            table = data.from_items([{"item": cloudpickle.dumps(item)} for item in waiting.values()])
            answered = table.repartition(_blocks(len(waiting), options)).map_batches(
                _Asker,
                fn_constructor_args=(factory, task),
                batch_size=options.batch_size,
                compute=data.ActorPoolStrategy(size=options.actors),
                num_cpus=options.cpus,
                num_gpus=options.gpus,
            )
            rows = (entry["row"] for entry in answered.iter_rows())  # type: ignore[assignment]
        asyncio.run(_file(rows, journal, summary))
    known = answered_rows(journal)
    summary.reused = sum(item.key in known for item in everything) - summary.answered
    summary.seconds = monotonic() - began
    return summary


def _blocks(count: int, options: RayOptions) -> int:
    """Blocks no larger than a batch: a block's rows come home together."""
    return max(1, -(-count // options.batch_size))


async def _file(rows: Iterable[str], journal: Path, summary: Summary) -> None:
    async with Journal(journal) as answers, Journal(failures_path(journal)) as failures:
        for text in rows:
            row = json.loads(text)
            usage = Usage(**{name: row["usage"][name] for name in asdict(Usage())})
            summary.calls += usage.calls
            summary.prompt_tokens += usage.prompt_tokens
            summary.completion_tokens += usage.completion_tokens
            if "answer" in row:
                answers.append(row)
                summary.answered += 1
            else:
                failures.append(row)
                summary.failed[row["reason"]] += 1


def describe_on_ray(
    stickers: Iterable[Sticker | PackEntry],
    factory: Callable[[], Backend],
    model: str,
    journal: Path,
    options: DescribeOptions | None = None,
    ray: RayOptions | None = None,
) -> tuple[list[dict[str, Any]], Summary]:
    """`llm_tools.describe.describe` on a Ray cluster; the same rows, the same journal.

    Args:
        stickers: their images have to be readable from every machine of the cluster.
        factory: see `run_on_ray`.
        model: the id that the backend records.
    """
    options = options or DescribeOptions()
    prompt = options.load_prompt()
    task = options.task(prompt)
    known = list(sources(stickers))
    items = list(describe_items(known, task, prompt, model, options))
    summary = run_on_ray(items, task, factory, journal, ray)
    return described_rows(known, items, answered_rows(journal), options.per_attribute), summary


def _import_ray() -> Any:
    from importlib import import_module
    from importlib.util import find_spec

    if find_spec("ray") is None:
        raise MissingExtra("the ray engine needs ray, which is not installed: pip install 'ray[data]'")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    return import_module("ray.data")


def _start(options: RayOptions) -> None:
    import ray

    if not ray.is_initialized():
        ray.init(
            address=options.address, include_dashboard=False, log_to_driver=False, configure_logging=False
        )
