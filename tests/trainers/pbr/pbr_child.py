"""One process of a run over several: trains the tiny PBR into a folder and leaves its weights there."""

import os
import sys
from pathlib import Path

import torch
from tiny_pbr import tiny_config, tiny_data

from trainers.loop import train
from trainers.pbr.task import PBRTask


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    data = tiny_data()
    schedule = {"epochs": 2, "lr": 2e-3, "device": "cpu", "log_every": 1}
    task = PBRTask(tiny_config(batch={"size": 3}, train=schedule), data, data, folder)
    train(task, task.config.train, folder, False)
    weights = {name: value.detach() for name, value in task.module.named_parameters()}
    torch.save(weights, folder / f"weights-{os.environ['RANK']}.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
