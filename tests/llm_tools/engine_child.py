"""Jobs for the vLLM environment, each a process: ``engine_child.py JOB MODEL FOLDER`` prints JSON."""

import asyncio
import json
import os
import sys
from functools import partial
from pathlib import Path

from sample_stickers import saved

from llm_tools.backends import Message, Picture, Request
from llm_tools.backends.replicas import ReplicatedBackend
from llm_tools.backends.vllm_engine import VLLMBackend
from llm_tools.describe import DescribeOptions, describe_async

CPU = {"enforce_eager": True, "dtype": "bfloat16", "max_model_len": 4096}


async def in_process(model: str, folder: Path) -> dict[str, object]:
    """Describe eight stickers twice, and put three odd requests to the engine."""
    stickers = [saved(folder / "s", n, frames=1 + 4 * (n == 7)) for n in range(8)]
    backend = VLLMBackend(model, name="tiny-vl", **CPU)
    options = DescribeOptions(policy="guided", max_tokens=2600)
    rows, first = await describe_async(stickers, backend, folder / "j.jsonl", options, concurrency=8)
    again, second = await describe_async(stickers, backend, folder / "j.jsonl", options)
    odd = await backend.complete(
        [
            Request((Message("user", ("word " * 5000,)),)),
            Request((Message("user", (Picture(b"no image"), "what?")),)),
            Request((Message("user", ("yes or no?",)),), max_tokens=2, logprobs=3),
        ]
    )
    await backend.aclose()
    return {
        "rows": rows, "same": rows == again, "first": str(first), "calls": [first.calls, second.calls],
        "odd": [[reply.failure, reply.error] for reply in odd], "logprobs": odd[2].logprobs,
    }  # fmt: skip


class Signed(VLLMBackend):
    """Leaves a file that says which process answered."""

    def __init__(self, model: str, folder: Path) -> None:
        super().__init__(model, name="tiny-vl", **CPU)
        self.folder = folder

    async def complete(self, requests):
        (self.folder / f"{os.getpid()}.answered").touch()
        return await super().complete(requests)


async def two_replicas(model: str, folder: Path) -> dict[str, object]:
    """Describe eight stickers with two engines, each in a process of its own."""
    stickers = [saved(folder / "s", n) for n in range(8)]
    backend = ReplicatedBackend(partial(Signed, model, folder), 2, model="tiny-vl")
    options = DescribeOptions(policy="guided", max_tokens=2600)
    try:
        rows, summary = await describe_async(stickers, backend, folder / "j.jsonl", options, concurrency=4)
    finally:
        await backend.aclose()
    processes = [int(path.stem) for path in folder.glob("*.answered")]
    left = [process for process in processes if Path(f"/proc/{process}").exists()]
    return {"rows": rows, "summary": str(summary), "processes": processes, "left": left, "here": os.getpid()}


if __name__ == "__main__":
    job, model, folder = sys.argv[1:]
    result = globals()[job](model, Path(folder))
    result = asyncio.run(result) if asyncio.iscoroutine(result) else result
    sys.stdout.write("RESULT " + json.dumps(result) + "\n")
