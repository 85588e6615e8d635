"""What the batch runner costs: its stickers a second over a bare asyncio + httpx loop on the same prompts.

Both make the same calls to one server, at the same concurrency, in turns, on images that neither has sent
before (so that no cache helps the second). The bare loop has its request bodies ready and throws the answers
away; the runner decodes and shrinks images, validates, and journals. Then the paper's four calls a sticker
against one.

    python benchmarks/describe_overhead.py --base-url http://localhost:8000 --stickers 256 --concurrency 32

Answers have a forced length (64 tokens, or 16 for each of the four), so that both ways are the same work for
the server; they are no JSON then, and the runner files them as failures, which costs it what rows do. With
--guided they are real records of whatever length the model likes.

With --latency S the server is a stand-in that answers every call after S seconds, as a GPU elsewhere would:
what is measured is then the runner and not the model.

Without --base-url a tiny random model is served from the vLLM environment (`make vllm-env`). On one machine
the client then takes processor time from the model itself, which spins on every core it has: --split-cores
gives the server the first half of the cores and the client the rest, as if they were two machines.
--no-prefix-cache turns off what lets four calls about one image share it: the paper's four unrelated calls.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "llm_tools")]

from describe_timed import timed  # noqa: E402
from sample_stickers import saved  # noqa: E402

from llm_tools.backends import HTTPBackend, Request  # noqa: E402
from llm_tools.backends.wire import request_body  # noqa: E402
from llm_tools.describe import DescribeOptions, describe_items, sources  # noqa: E402
from retriever.types import Sticker  # noqa: E402


def requests(stickers: Sequence[Sticker], options: DescribeOptions, model: str) -> list[dict[str, Any]]:
    """The bodies that the runner would send first, made ahead."""
    prompt = options.load_prompt()
    task = options.task(prompt)
    schema = task.schema if options.policy == "guided" else None
    items = describe_items(list(sources(stickers)), task, prompt, model, options)
    return [
        request_body(Request(tuple(item.messages()), max_tokens=task.max_tokens, schema=schema), model)
        for item in items
    ]


async def bare(url: str, bodies: Sequence[dict[str, Any]], concurrency: int) -> float:
    """Seconds that the shortest loop takes which keeps `concurrency` calls in flight."""
    todo = iter(bodies)
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(timeout=600, limits=limits) as client:

        async def work() -> None:
            for body in todo:
                (await client.post(f"{url}/chat/completions", json=body)).raise_for_status().json()

        began = time.perf_counter()
        await asyncio.gather(*(work() for _ in range(concurrency)))
        return time.perf_counter() - began


async def ours(
    url: str, stickers: Sequence[Sticker], options: DescribeOptions, concurrency: int, folder: Path
) -> float:
    """Seconds that the runner takes."""
    _, summary, seconds = await timed(HTTPBackend(url), stickers, options, concurrency, folder)
    calls = len(stickers) * (4 if options.per_attribute else 1)
    if summary.calls != calls:
        print(f"note: {summary.calls} calls in place of {calls}: {summary}")
    return seconds


def ways(guided: bool) -> tuple[DescribeOptions, DescribeOptions]:
    """One call a sticker, and four."""
    if guided:
        return (
            DescribeOptions(policy="guided", max_tokens=1000),
            DescribeOptions(policy="guided", max_tokens=400, per_attribute=True),
        )

    def forced(tokens: int, per_attribute: bool) -> DescribeOptions:
        extra = {"min_tokens": tokens, "ignore_eos": True}
        return DescribeOptions(
            policy="free", max_tokens=tokens, max_tries=1, extra=extra, per_attribute=per_attribute
        )

    return forced(64, False), forced(16, True)


async def measure(
    url: str, count: int, concurrency: int, rounds: int, guided: bool, size: int
) -> dict[str, Any]:
    """Medians over `rounds` of each way in turn."""
    client = HTTPBackend(url)
    await client.check()
    model = client.model
    await client.aclose()
    joint, four = ways(guided)
    rates: dict[str, list[float]] = {"bare": [], "ours": [], "four": []}
    cpu: dict[str, list[float]] = {"bare": [], "ours": [], "four": []}
    with tempfile.TemporaryDirectory() as name:
        folder, number = Path(name), 0

        def fresh() -> list[Sticker]:
            nonlocal number
            number += count
            return [saved(folder / "s", number + n, size=size, words=str(number + n)) for n in range(count)]

        await bare(url, requests(fresh(), joint, model), concurrency)  # warm from here on
        for turn in range(rounds):
            for way in ("bare", "ours", "four") if turn % 2 == 0 else ("four", "ours", "bare"):
                stickers = fresh()
                bodies = requests(stickers, joint, model) if way == "bare" else []
                used = time.process_time()
                if way == "bare":
                    seconds = await bare(url, bodies, concurrency)
                else:
                    seconds = await ours(url, stickers, joint if way == "ours" else four, concurrency, folder)
                rates[way].append(count / seconds)
                cpu[way].append(1000 * (time.process_time() - used) / count)
                print(
                    f"{way}: {rates[way][-1]:.2f} stickers/s, {cpu[way][-1]:.1f} ms of CPU each", flush=True
                )
    median = {way: statistics.median(found) for way, found in rates.items()}
    return {
        "stickers": count, "concurrency": concurrency, "rounds": rounds, "guided": guided,
        "stickers_per_s": median,
        "client_cpu_ms": {way: statistics.median(found) for way, found in cpu.items()},
        "ours_over_bare": statistics.median(_ratios(rates["ours"], rates["bare"])),
        "cores": {"client": len(os.sched_getaffinity(0)), "machine": os.cpu_count()},
        "ours_over_bare_by_round": _ratios(rates["ours"], rates["bare"]),
        "one_call_over_four": statistics.median(_ratios(rates["ours"], rates["four"])),
        "one_call_over_four_by_round": _ratios(rates["ours"], rates["four"]),
    }  # fmt: skip


def _ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """Round by round, so that a machine that slows down slows both."""
    return [round(a / b, 3) for a, b in zip(ours, theirs, strict=True)]


@contextmanager
def tiny_server(split_cores: bool = False, prefix_cache: bool = True) -> Iterator[str]:
    """The tests' tiny random model, served."""
    from tiny_qwen_vl import build
    from vllm_server import serve

    from retriever.torchvision_ops import install_hook

    install_hook()
    with (
        tempfile.TemporaryDirectory() as name,
        serve(build(Path(name) / "tiny-vl"), split_cores, prefix_cache) as url,
    ):
        yield url


def _stand_in(latency: float, pipe: Any) -> None:
    from bad_server import Answer, bad_server

    async def serve() -> None:
        async with bad_server(lambda body, number: Answer("x " * 64, delay=latency)) as server:
            pipe.send(server.url)
            await asyncio.Event().wait()

    asyncio.run(serve())


@contextmanager
def latency_server(latency: float) -> Iterator[str]:
    """A server in a process of its own that takes its time and no more."""
    ours_end, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=_stand_in, args=(latency, theirs), daemon=True
    )
    process.start()
    try:
        yield ours_end.recv()
    finally:
        process.terminate()
        process.join()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--base-url")
    parser.add_argument("--stickers", type=int, default=32)
    parser.add_argument("--concurrency", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--guided", action="store_true")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--latency", type=float)
    parser.add_argument("--split-cores", action="store_true")
    parser.add_argument("--no-prefix-cache", action="store_true")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the server has to be ended in any case
    settings = (given.stickers, given.concurrency, given.rounds, given.guided, given.size)
    if given.base_url:
        url = given.base_url.rstrip("/").removesuffix("/v1") + "/v1"
        result = asyncio.run(measure(url, *settings))
    else:
        ours_to_start = (
            tiny_server(given.split_cores, not given.no_prefix_cache)
            if given.latency is None
            else latency_server(given.latency)
        )
        with ours_to_start as url:
            result = asyncio.run(measure(url, *settings))
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
