"""Rows of several processes: a real pair of them, with gradients."""

import os
import socket
import subprocess
import sys

import torch

from trainers.losses.gather import gather_rows

CHILD = """
import torch
from torch import distributed
from trainers.losses.gather import gather_rows

distributed.init_process_group("gloo")
rank = distributed.get_rank()
rows = torch.full((rank + 1, 2), float(rank + 1), requires_grad=True)
ids = torch.arange(rank + 1) + 10 * rank
gathered, names = gather_rows(rows, ids)
assert gathered.tolist() == [[1, 1], [2, 2], [2, 2]], gathered
assert names.tolist() == [0, 10, 11], names
(gathered.square().sum() * 0.5).backward()
# every process has the whole loss, so a row's gradient comes once from each of the two
assert torch.equal(rows.grad, 2 * rows.detach()), rows.grad
distributed.barrier()
distributed.destroy_process_group()
"""


def test_alone_they_come_back_as_they_are() -> None:
    rows = torch.rand(3, 2, requires_grad=True)
    assert gather_rows(rows)[0] is rows


def test_two_processes_with_different_numbers_of_rows() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    children = []
    for rank in range(2):
        surroundings = {
            **os.environ, "RANK": str(rank), "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": str(port), "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo",
        }  # fmt: skip
        children.append(
            subprocess.Popen([sys.executable, "-c", CHILD], env=surroundings, stderr=subprocess.PIPE)
        )
    said = [child.communicate(timeout=120)[1].decode() for child in children]
    assert [child.returncode for child in children] == [0, 0], said
