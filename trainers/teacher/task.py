"""Training the teacher: a `trainers.task.Task`."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from trainers.datasets.ser30k import LabelledImages
from trainers.task import Shard
from trainers.teacher.checkpoint import save_teacher
from trainers.teacher.config import TeacherConfig
from trainers.teacher.describe import describe_rows
from trainers.teacher.model import TeacherBatch, TeacherModule

__all__ = ["TeacherTask"]


class TeacherTask:
    """Seven-way classification; every image once an epoch, in an order of its own."""

    def __init__(self, config: TeacherConfig, data: LabelledImages) -> None:
        self.config, self.data = config, data
        self.size = min(config.batch, len(data.train))
        torch.manual_seed(config.train.seed)
        self._module = TeacherModule(config.image, config.rotation, config.flip)

    @property
    def module(self) -> TeacherModule:
        return self._module

    @property
    def weights(self) -> Mapping[str, float]:
        return {}

    def parameter_groups(self) -> list[dict[str, Any]]:
        parameters = list(self._module.parameters())
        return [
            {"params": [p for p in parameters if p.ndim > 1]},
            {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
        ]

    def steps(self, shard: Shard) -> int:
        return len(shard.of(len(self.data.train) // self.size))

    def batches(self, epoch: int, start: int, shard: Shard) -> Iterator[TeacherBatch]:
        order = np.random.default_rng((self.config.train.seed, epoch)).permutation(self.data.train)
        for number in list(shard.of(len(order) // self.size))[start:]:
            rows = np.sort(order[number * self.size : (number + 1) * self.size])
            yield TeacherBatch(
                torch.from_numpy(self.data.images.pixels(rows)),
                torch.from_numpy(self.data.images.emotions(rows)),
            )

    def before_step(self, step: int) -> None:
        """Nothing to refresh."""

    def validate(self) -> dict[str, float]:
        """Percent: ``accuracy``, and ``macro``, the mean over the emotions that occur."""
        _, logits = self.describe(self.data.valid)
        right = logits.argmax(1) == self.data.images.emotions(self.data.valid)
        truth = self.data.images.emotions(self.data.valid)
        each = [right[truth == emotion].mean() for emotion in np.unique(truth)]
        return {"accuracy": 100 * float(right.mean()), "macro": 100 * float(np.mean(each))}

    def describe(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Features and class scores of some rows."""
        return describe_rows(self._module, self.data.images, rows)

    def save(self, folder: Path, metrics: Mapping[str, float]) -> None:
        save_teacher(folder, self._module, self.config, metrics)
