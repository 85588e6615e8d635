"""A toy for the training loop: a regression with dropout; run as a program it trains in a child process."""

import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from trainers.loop import train
from trainers.options import TrainOptions


@dataclass(frozen=True)
class ToyBatch:
    x: Tensor
    y: Tensor


class Toy(nn.Module):
    def __init__(self, dropout=0.1):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Dropout(dropout), nn.Linear(16, 1))
        self.poison = False

    def forward(self, batch):
        error = (self.net(batch.x) - batch.y) ** 2
        if self.poison:
            error = error * float("nan")
        return {"square": error.mean(), "size": sum((p**2).sum() for p in self.parameters())}


class ToyTask:
    def __init__(self, rows=48, size=8, dropout=0.1, pause=0.0, sent=None):
        torch.manual_seed(0)
        self.module = Toy(dropout)
        self.weights = {"size": 0.0}
        generator = torch.Generator().manual_seed(1)
        self.x = torch.randn(rows, 6, generator=generator)
        self.y = self.x.sum(1, keepdim=True).tanh()
        self.size, self.pause = size, pause
        self.before, self.scores, self.sent = [], None, sent

    def parameter_groups(self):
        return [{"params": list(self.module.parameters())}]

    def steps(self, shard):
        return len(shard.of(len(self.x) // self.size))

    def batches(self, epoch, start, shard):
        order = torch.randperm(len(self.x), generator=torch.Generator().manual_seed(100 + epoch))
        for number in shard.of(len(self.x) // self.size)[start:]:
            time.sleep(self.pause)
            rows = order[number * self.size : (number + 1) * self.size]
            if self.sent is not None:
                self.sent.append(rows.tolist())
            yield ToyBatch(self.x[rows], self.y[rows])

    def before_step(self, step):
        self.before.append(step)

    def validate(self):
        if self.scores is not None:
            return {"R@1": self.scores.pop(0)}
        with torch.no_grad():
            return {"R@1": -float(((self.module.net(self.x) - self.y) ** 2).mean())}

    def save(self, folder, metrics):
        torch.save(self.module.state_dict(), folder / "weights.pt")
        (folder / "metrics.json").write_text(json.dumps(dict(metrics)))


OPTIONS = {"lr": 1e-2, "final_lr": 1e-3, "log_every": 1, "save_every": 3, "device": "cpu", "epochs": 4}


if __name__ == "__main__":
    folder, settings = Path(sys.argv[1]), json.loads(sys.argv[2])
    task = ToyTask(pause=settings.pop("pause", 0.0), dropout=settings.pop("dropout", 0.1))
    outcome = train(task, TrainOptions(**{**OPTIONS, **settings}), folder, show_progress=False)
    import os

    rank = os.environ.get("RANK", "0")
    weights = torch.cat([p.detach().flatten() for p in task.module.parameters()])
    said = {"finished": outcome.finished, "step": outcome.steps, "weights": weights.tolist()}
    (folder / f"end-{rank}.json").write_text(json.dumps(said))
