"""Two processes share a run: one model in the end, and topic contrast over both their batches."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import torch

from trainers.loop.logs import read_log

CHILD = Path(__file__).with_name("pbr_child.py")


def test_two_processes_end_with_the_same_weights(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    children = []
    for rank in ("0", "1"):
        surroundings = {
            **os.environ, "RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": port, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "",
            "GLOO_SOCKET_IFNAME": "lo",
        }  # fmt: skip
        command = [sys.executable, str(CHILD), str(tmp_path)]
        children.append(subprocess.Popen(command, env=surroundings, stderr=subprocess.PIPE))
    said = [child.communicate(timeout=240)[1].decode() for child in children]
    assert [child.returncode for child in children] == [0, 0], said
    first, second = (torch.load(tmp_path / f"weights-{rank}.pt") for rank in (0, 1))
    assert all(torch.equal(first[name], second[name]) for name in first)
    steps = [row["step"] for row in read_log(tmp_path / "log.jsonl") if row["kind"] == "train"]
    assert steps == [1, 2, 3, 4]  # five batches of three: two for each process, twice
