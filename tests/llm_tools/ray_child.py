"""Jobs on a Ray cluster of this machine, each a process: ``ray_child.py JOB URL FOLDER`` prints JSON."""

import json
import os
import signal
import sys
import threading
import time
from functools import partial
from pathlib import Path

from engine_child import CPU
from sample_stickers import saved

from llm_tools.backends import HTTPBackend
from llm_tools.backends.retry import RetryPolicy
from llm_tools.backends.vllm_engine import VLLMBackend
from llm_tools.budget import Budget
from llm_tools.describe import DescribeOptions
from llm_tools.ray_job import RayOptions, describe_on_ray
from retriever.errors import StickerError

CLUSTER = RayOptions(actors=1, cpus=0.5, batch_size=4)
ONE_TRY = RetryPolicy(attempts=1)
ONCE = DescribeOptions(policy="guided", max_tokens=2600, max_tries=1)


def told(summary):
    """A summary as JSON."""
    names = ("items", "answered", "reused", "failed", "failed_before", "not_asked", "stopped", "calls")
    return {name: getattr(summary, name) for name in names}


def go(url, stickers, journal, model="scripted", retry=ONE_TRY, **run):
    """Describe `stickers` through a server; one that follows a script is asked once, so that it can count."""
    factory = partial(HTTPBackend, url, model, retry=retry)
    return describe_on_ray(stickers, factory, model, journal, ONCE, CLUSTER, **run)


def same_job(url, folder):
    """Describe twelve stickers, one of them broken, and then two more."""
    stickers = [saved(folder / "s", n) for n in range(14)]
    (folder / "s" / "5.png").write_bytes(b"no image")
    ask = partial(go, url, journal=folder / "j.jsonl", model="tiny-vl", retry=RetryPolicy())
    rows, first = ask(stickers=stickers[:12])
    again, second = ask(stickers=stickers)
    return {"rows": rows, "again": again, "first": told(first), "second": told(second)}


def limits(url, folder):
    """Thirty stickers, one of which the server has no answer for, under one limit after the other."""
    stickers = [saved(folder / "s", n) for n in range(30)]
    journal = folder / "j.jsonl"
    runs = [
        {"budget": Budget(max_minutes=0)},
        {"budget": Budget(max_calls=11)},
        {"budget": Budget(max_tokens=45)},
        {},
        {},
        {"retry_failed": True},
    ]
    return [told(go(url, stickers, journal, **run)[1]) for run in runs]


def lost(url, folder):
    """A server that answers nothing any more, and a model that it does not have."""
    stickers = [saved(folder / "s", n) for n in range(60)]
    _, summary = go(url, stickers, folder / "j.jsonl")
    try:
        go(url, stickers, folder / "k.jsonl", "other")
    except StickerError as error:
        return [told(summary), type(error).__name__, str(error)]
    return [told(summary), "", ""]


def interrupted(url, folder):
    """Ctrl-C as soon as a row is on the disk."""
    stickers = [saved(folder / "s", n) for n in range(60)]
    journal = folder / "j.jsonl"

    def press():
        while not journal.exists() or not journal.stat().st_size:
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=press, daemon=True).start()
    _, summary = go(url, stickers, journal)
    return [told(summary), len(journal.read_text().splitlines())]


def vllm_inside(model, folder):
    """An engine inside the cluster's one actor; a GPU is asked for, and there may be none."""
    stickers = [saved(folder / "s", n) for n in range(6)]
    factory = partial(VLLMBackend, model, name="tiny-vl", **CPU)
    cluster = RayOptions(actors=1, gpus=1, cpus=0.5, batch_size=4)
    options = DescribeOptions(policy="guided", max_tokens=2600)
    job = partial(describe_on_ray, stickers, factory, "tiny-vl", folder / "j.jsonl", options, cluster)
    began = time.monotonic()
    rows, first = job(budget=Budget(max_calls=5))
    return {"rows": rows, "first": told(first), "seconds": time.monotonic() - began}


if __name__ == "__main__":
    job, url, folder = sys.argv[1:]
    result = globals()[job](url, Path(folder))
    sys.stdout.write("RESULT " + json.dumps(result) + "\n")
