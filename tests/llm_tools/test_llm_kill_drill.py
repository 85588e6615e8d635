"""Real processes killed at random moments; ``KILL_DRILL_RUNS`` sets how many."""

import asyncio
import json
import os
import random
import signal
import sys
from pathlib import Path

from bad_server import Answer, bad_server
from drill_child import CONCURRENCY, drill_items

RUNS = int(os.environ.get("KILL_DRILL_RUNS", "4"))
PER_RUN = 40
HERE = Path(__file__).parent


async def start(url, journal, count):
    return await asyncio.create_subprocess_exec(
        sys.executable, str(HERE / "drill_child.py"), url, str(journal), str(count), cwd=HERE.parents[1],
        env=os.environ | {"PYTHONPATH": str(HERE.parents[1])}, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


def finished_lines(journal):
    return journal.read_bytes().count(b"\n") if journal.exists() else 0


async def test_kill_9_loses_at_most_the_calls_in_flight(tmp_path):
    """Some answers come at once and some late, so a kill falls before, between and during writes."""
    rng = random.Random(7)
    journal = tmp_path / "j.jsonl"
    count = RUNS * PER_RUN

    def reply(body, number):
        name = body["messages"][0]["content"]
        return Answer(json.dumps({"keywords": f"about {name}"}), delay=rng.choice([0, 0, 0.01, 0.05]))

    async with bad_server(reply) as server:
        for _ in range(RUNS):
            before, calls_before = finished_lines(journal), len(server.calls)
            child = await start(server.url, journal, count)
            wanted = before + rng.randrange(1, PER_RUN)
            while finished_lines(journal) < wanted and child.returncode is None:
                await asyncio.sleep(0.001)
            await asyncio.sleep(rng.random() * 0.02)
            child.send_signal(signal.SIGKILL)
            await child.wait()
            rows = [json.loads(line) for line in journal.read_bytes().split(b"\n")[:-1]]
            keys = [row["key"] for row in rows]
            assert len(set(keys)) == len(keys)
            assert len(server.calls) - calls_before <= len(rows) - before + CONCURRENCY
        child = await start(server.url, journal, count)
        assert await child.wait() == 0, (await child.stderr.read()).decode()
        calls = len(server.calls)
        child = await start(server.url, journal, count)
        assert await child.wait() == 0 and len(server.calls) == calls  # nothing new: no call at all
    rows = [json.loads(line) for line in journal.read_bytes().splitlines()]
    assert sorted(row["key"] for row in rows) == sorted(item.key for item in drill_items(count))
    assert all(row["answer"] == {"keywords": f"about {row['id']}"} for row in rows)
    assert calls <= count + RUNS * CONCURRENCY


async def test_ctrl_c_finishes_what_is_in_flight_and_leaves_the_rest(tmp_path):
    journal = tmp_path / "j.jsonl"

    def reply(body, number):
        return Answer(json.dumps({"keywords": "x"}), delay=0.2)

    async with bad_server(reply) as server:
        child = await start(server.url, journal, 400)
        while finished_lines(journal) < CONCURRENCY and child.returncode is None:
            await asyncio.sleep(0.01)
        child.send_signal(signal.SIGINT)
        assert await asyncio.wait_for(child.wait(), 30) == 0
        assert len(server.calls) == finished_lines(journal) < 400
