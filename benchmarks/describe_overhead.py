"""What the batch runner costs: its stickers a second over a bare asyncio + httpx loop on the same prompts.

Both make the same calls to one server, at the same concurrency, in turns, on images that neither has sent
before (so that no cache helps the second). The bare loop has its request bodies ready and throws the answers
away; the runner decodes and shrinks images, validates, and journals. Then the paper's four calls a sticker
against one.

    python benchmarks/describe_overhead.py --base-url http://localhost:8000 --stickers 256 --concurrency 32

Without --base-url a tiny random model is served from the vLLM environment (`make vllm-env`).
"""

import argparse
import asyncio
import json
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

from sample_stickers import saved  # noqa: E402

from llm_tools.backends import HTTPBackend, Request  # noqa: E402
from llm_tools.backends.wire import request_body  # noqa: E402
from llm_tools.describe import DescribeOptions, describe_async, describe_items, sources  # noqa: E402
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
) -> tuple[float, int]:
    """Seconds that the runner takes, and the calls it made."""
    backend = HTTPBackend(url)
    await backend.check()
    began = time.perf_counter()
    rows, summary = await describe_async(
        stickers,
        backend,
        folder / f"{time.time_ns()}.jsonl",
        options,
        concurrency=concurrency,
        show_progress=False,
    )
    seconds = time.perf_counter() - began
    await backend.aclose()
    if len(rows) != len(stickers):
        raise SystemExit(f"only {len(rows)} of {len(stickers)} described: {summary}")
    return seconds, summary.calls


async def measure(
    url: str, count: int, concurrency: int, rounds: int, max_tokens: int, size: int
) -> dict[str, Any]:
    """Medians over `rounds` of each way in turn."""
    client = HTTPBackend(url)
    await client.check()
    model = client.model
    await client.aclose()
    joint = DescribeOptions(policy="guided", max_tokens=max_tokens)
    four = DescribeOptions(policy="guided", max_tokens=max_tokens, per_attribute=True)
    found: dict[str, list[float]] = {"bare": [], "ours": [], "four": []}
    with tempfile.TemporaryDirectory() as name:
        folder, number = Path(name), 0

        def fresh() -> list[Sticker]:
            nonlocal number
            number += count
            return [saved(folder / "s", number + n, size=size, words=str(number + n)) for n in range(count)]

        await bare(
            url, requests(fresh(), joint, model), concurrency
        )  # grammar and code are warm from here on
        for turn in range(rounds):
            for way in ("bare", "ours", "four") if turn % 2 == 0 else ("four", "ours", "bare"):
                stickers = fresh()
                if way == "bare":
                    seconds = await bare(url, requests(stickers, joint, model), concurrency)
                else:
                    seconds, calls = await ours(
                        url, stickers, joint if way == "ours" else four, concurrency, folder
                    )
                    if calls != count * (4 if way == "four" else 1):
                        print(f"note: {way} made {calls} calls for {count} stickers")
                found[way].append(count / seconds)
                print(f"{way}: {count / seconds:.2f} stickers/s", flush=True)
    median = {way: statistics.median(rates) for way, rates in found.items()}
    return {
        "stickers": count, "concurrency": concurrency, "rounds": rounds, "stickers_per_s": median,
        "ours_over_bare": median["ours"] / median["bare"],
        "ours_over_bare_by_round": [a / b for a, b in zip(found["ours"], found["bare"], strict=True)],
        "one_call_over_four": median["ours"] / median["four"],
    }  # fmt: skip


@contextmanager
def tiny_server() -> Iterator[str]:
    """The tests' own server."""
    import os
    import socket
    import subprocess

    import conftest
    from tiny_qwen_vl import build

    from retriever.torchvision_ops import install_hook

    install_hook()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as name:
        model, log = build(Path(name) / "tiny-vl"), Path(name) / "log"
        command = [
            str(conftest.VLLM_VENV / "bin" / "python"), "-m", "vllm.entrypoints.openai.api_server", "--model",
            str(model), "--served-model-name", "tiny-vl", "--port", str(port), "--host", "127.0.0.1",
            *conftest.SERVER_OPTIONS,
        ]  # fmt: skip
        with log.open("wb") as out:
            server = subprocess.Popen(
                command, cwd=name, env=os.environ | conftest.VLLM_ENVIRONMENT, stdout=out, stderr=out,
                start_new_session=True,
            )  # fmt: skip
        try:
            conftest._wait_until_up(server, f"http://127.0.0.1:{port}/health", log)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            conftest._end_group(server)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--base-url")
    parser.add_argument("--stickers", type=int, default=32)
    parser.add_argument("--concurrency", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--max-tokens", type=int, default=1000)
    parser.add_argument("--size", type=int, default=256)
    given = parser.parse_args()
    settings = (given.stickers, given.concurrency, given.rounds, given.max_tokens, given.size)
    if given.base_url:
        url = given.base_url.rstrip("/").removesuffix("/v1") + "/v1"
        result = asyncio.run(measure(url, *settings))
    else:
        with tiny_server() as url:
            result = asyncio.run(measure(url, *settings))
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
