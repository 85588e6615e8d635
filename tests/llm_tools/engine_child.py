"""Jobs for the vLLM environment, each a process: ``engine_child.py JOB MODEL FOLDER`` prints JSON."""

import asyncio
import json
import sys
from functools import partial
from pathlib import Path

from sample_stickers import saved

from llm_tools.backends import HTTPBackend, Message, Picture, Request
from llm_tools.backends.vllm_engine import VLLMBackend
from llm_tools.describe import DescribeOptions, describe_async
from llm_tools.ray_job import RayOptions, describe_on_ray

CPU = {"enforce_eager": True, "dtype": "bfloat16", "max_model_len": 2048}


async def in_process(model: str, folder: Path) -> dict[str, object]:
    """Describe eight stickers twice, and put three odd requests to the engine."""
    stickers = [saved(folder / "s", n, frames=1 + 4 * (n == 7)) for n in range(8)]
    backend = VLLMBackend(model, name="tiny-vl", **CPU)
    options = DescribeOptions(policy="guided", max_tokens=700)
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


def on_ray(url: str, folder: Path) -> dict[str, object]:
    """Describe twelve stickers, one of them broken, on a cluster of this machine, and then two more."""
    stickers = [saved(folder / "s", n) for n in range(14)]
    (folder / "s" / "5.png").write_bytes(b"no image")
    options = DescribeOptions(policy="guided", max_tokens=900)
    cluster = RayOptions(actors=1, cpus=0.5, batch_size=4)
    factory = partial(HTTPBackend, url, "tiny-vl")
    journal = folder / "j.jsonl"
    rows, first = describe_on_ray(stickers[:12], factory, "tiny-vl", journal, options, cluster)
    again, second = describe_on_ray(stickers, factory, "tiny-vl", journal, options, cluster)
    return {
        "rows": rows, "again": again, "failed": [first.failed, second.failed],
        "answered": [first.answered, second.answered], "calls": [first.calls, second.calls],
        "reused": [first.reused, second.reused],
    }  # fmt: skip


if __name__ == "__main__":
    job, model, folder = sys.argv[1:]
    result = globals()[job](model, Path(folder))
    result = asyncio.run(result) if asyncio.iscoroutine(result) else result
    sys.stdout.write("RESULT " + json.dumps(result) + "\n")
