"""The loop in processes of its own: killed, asked to stop, and two at once."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from trainers.loop.logs import read_log

CHILD = Path(__file__).with_name("toy_task.py")
ENV = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}


def start(folder, **settings):
    command = [sys.executable, str(CHILD), str(folder), json.dumps(settings)]
    return subprocess.Popen(command, env=ENV, stderr=subprocess.PIPE)


def steps(folder):
    log = folder / "log.jsonl"
    return [row["step"] for row in read_log(log) if row["kind"] == "train"] if log.exists() else []


def wait_for_step(folder, step, child):
    deadline = time.monotonic() + 600
    while not any(done >= step for done in steps(folder)):
        assert child.poll() is None, child.stderr.read().decode()
        assert time.monotonic() < deadline
        time.sleep(0.005)


def finish(child):
    _, said = child.communicate(timeout=600)
    assert child.returncode == 0, said.decode()


def train_losses(folder):
    return [(row["step"], row["total"]) for row in read_log(folder / "log.jsonl") if row["kind"] == "train"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that nothing happens to."""
    folder = tmp_path_factory.mktemp("whole")
    finish(start(folder))
    return folder


def test_a_killed_run_goes_on_with_the_very_same_losses(tmp_path, whole):
    for step in (2, 11):  # before the first state, and after some
        child = start(tmp_path, pause=0.05)
        wait_for_step(tmp_path, step, child)
        child.send_signal(signal.SIGKILL)
        child.communicate()
        assert not (tmp_path / "end-0.json").exists()
    finish(start(tmp_path))
    assert train_losses(tmp_path) == train_losses(whole)
    ends = [json.loads((folder / "end-0.json").read_text()) for folder in (tmp_path, whole)]
    assert ends[0] == ends[1]


def test_a_signal_ends_the_step_saves_and_goes_on_later(tmp_path, whole):
    child = start(tmp_path, pause=0.05, save_every=1000)
    wait_for_step(tmp_path, 5, child)
    child.send_signal(signal.SIGTERM)
    finish(child)
    end = json.loads((tmp_path / "end-0.json").read_text())
    assert end["finished"] is False and 5 <= end["step"] < 24
    assert (tmp_path / "state.pt").exists() and steps(tmp_path)[-1] == end["step"]
    finish(start(tmp_path, save_every=1000))
    assert train_losses(tmp_path) == train_losses(whole)


def torchrun(folder, **settings):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    return subprocess.Popen(
        [*command, str(CHILD), str(folder), json.dumps(settings)], env=ENV, stderr=subprocess.PIPE
    )


def test_two_processes_have_one_model_which_is_that_of_one_process_with_accumulation(tmp_path):
    # Without dropout two processes with a batch each are one process with two batches a step; validating
    # within an epoch is where they could lose each other.
    finish(start(tmp_path / "one", accumulate=2, dropout=0.0, eval_every=2))
    child = torchrun(tmp_path / "two", dropout=0.0, eval_every=2)
    _, said = child.communicate(timeout=240)
    assert child.returncode == 0, said.decode()[-2000:]
    one, first, second = (
        json.loads((tmp_path / name).read_text())
        for name in ("one/end-0.json", "two/end-0.json", "two/end-1.json")
    )
    assert first == second and first["step"] == 12  # each has half of the 24 batches
    assert first["weights"] == pytest.approx(one["weights"], abs=1e-5)


def test_stopping_two_processes_stops_them_at_the_same_step(tmp_path):
    child = torchrun(tmp_path, pause=0.1, save_every=1000)
    wait_for_step(tmp_path, 3, child)
    child.send_signal(signal.SIGTERM)
    child.communicate(timeout=600)
    ends = [json.loads((tmp_path / f"end-{rank}.json").read_text()) for rank in (0, 1)]
    assert ends[0] == ends[1] and ends[0]["finished"] is False
    assert (tmp_path / "state.pt").exists()
