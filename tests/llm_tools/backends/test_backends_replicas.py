import os
import sys
from functools import partial
from pathlib import Path

import pytest
from in_vllm import in_vllm

from llm_tools.backends import Message, Request
from llm_tools.backends.replicas import ReplicatedBackend, visible_devices
from retriever.errors import InputError, ModelError
from retriever.labels import EMOTIONS

sys.path.insert(0, str(Path(__file__).parent))
from slow_echo import SlowEcho


def ask(*words):
    return [Request((Message("user", (word,)),)) for word in words]


def test_each_replica_gets_devices_of_its_own():
    assert [visible_devices(n, 2) for n in range(3)] == ["0,1", "2,3", "4,5"]
    assert [visible_devices(n, 1, "3,7") for n in range(2)] == ["3", "7"]
    with pytest.raises(InputError, match="replica 1 needs 2 devices, but only 3 are visible"):
        visible_devices(1, 2, "0,1,2")


async def test_requests_are_spread_and_answered_in_order(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5")
    backend = ReplicatedBackend(SlowEcho, 2, model="echo")
    try:
        replies = await backend.complete(ask(*(f"w{n}" for n in range(10))))
    finally:
        await backend.aclose()
    said = [reply.text.split() for reply in replies]
    assert [words for _, _, words in said] == [f"w{n}" for n in range(10)]
    by_process = {process: sum(one == process for one, _, _ in said) for process, _, _ in said}
    assert sorted(by_process.values()) == [5, 5] and str(os.getpid()) not in by_process
    assert {devices for _, devices, _ in said} == {"4", "5"}


async def test_an_error_inside_is_raised_outside_and_the_replica_lives_on():
    backend = ReplicatedBackend(SlowEcho, 1, model="echo", devices_each=0)
    try:
        with pytest.raises(ModelError, match="out of memory"):
            await backend.complete(ask("raise"))
        (reply,) = await backend.complete(ask("fine"))
        assert reply.text.endswith("None fine")
    finally:
        await backend.aclose()


async def test_a_replica_that_dies_is_told_to_all_who_wait():
    backend = ReplicatedBackend(SlowEcho, 1, model="echo", devices_each=0)
    try:
        with pytest.raises(ModelError, match="engine process has ended"):
            await backend.complete(ask("a", "die", "b"))
        with pytest.raises(ModelError, match="engine process has ended"):
            await backend.complete(ask("c"))
    finally:
        await backend.aclose()


async def test_a_replica_that_does_not_load_says_why():
    backend = ReplicatedBackend(partial(SlowEcho, model="broken"), 2, model="echo", devices_each=0)
    with pytest.raises(ModelError, match="ValueError: no such weights"):
        await backend.check()
    await backend.aclose()


def test_no_replica_is_none_too_few():
    with pytest.raises(InputError, match="data parallelism is 0"):
        ReplicatedBackend(SlowEcho, 0, model="echo")


@pytest.mark.vllm
def test_two_engines_share_a_job_and_leave_nothing_running(vllm_python, tiny_vlm, tmp_path):
    result = in_vllm(vllm_python, "two_replicas", tiny_vlm, tmp_path)
    assert [row["id"] for row in result["rows"]] == [f"pack/{n}" for n in range(8)], result["summary"]
    assert all(row["model"] == "tiny-vl" and row["emotion"] in EMOTIONS for row in result["rows"])
    assert len(result["processes"]) == 2 and result["here"] not in result["processes"]
    assert result["left"] == []
