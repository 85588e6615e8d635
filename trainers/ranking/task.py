"""Training on ranking samples: which ones when, in what batches, and how a split is measured."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from retriever.errors import InputError
from trainers.datasets.ranking import RankingData, RankingSample, spread_rows
from trainers.ranking.config import BatchConfig
from trainers.ranking.measure import measure
from trainers.task import Shard

if TYPE_CHECKING:
    from torch import nn

__all__ = ["RankingTask", "texts_of"]


class RankingTask(ABC):
    """The half of a `trainers.task.Task` that families share; theirs are a module, batches and scores.

    Args:
        train, valid: of the same stickers' size.
        config: of the batches.
        seed: of the order of the samples.

    Raises:
        InputError: a split is empty.
    """

    pretrained: frozenset[str] = frozenset()
    """Names of the module's parameters that come from published weights."""
    pretrained_scale: float = 1.0
    """Multiplies the learning rate of those."""

    def __init__(self, train: RankingData, valid: RankingData, config: BatchConfig, seed: int) -> None:
        if not train.samples or not valid.samples:
            raise InputError(
                f"there are {len(train.samples)} training and {len(valid.samples)} validation samples; "
                "expected some of both"
            )
        self.train, self.valid = train, valid
        self._batch_config, self._seed = config, seed
        self._size = min(config.size, len(train.samples))
        n_valid = len(valid.samples)
        limit = config.valid_limit
        self._valid_rows = spread_rows(n_valid, n_valid if limit is None else limit)

    @property
    @abstractmethod
    def module(self) -> "nn.Module":
        """See `trainers.task.Task.module`."""

    @property
    @abstractmethod
    def weights(self) -> Mapping[str, float]:
        """See `trainers.task.Task.weights`."""

    @abstractmethod
    def batch(self, samples: Sequence[RankingSample]) -> Any:
        """The tensors of some training samples, each with its candidates."""

    @abstractmethod
    def score(self, samples: Sequence[RankingSample]) -> Sequence[NDArray[np.float64]]:
        """Each validation sample's scores of its candidates, (n,), as inference would give them."""

    @abstractmethod
    def save(self, folder: Path, metrics: Mapping[str, float]) -> None:
        """Write a checkpoint that `retriever.rankers.load_ranker` opens."""

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Decay for matrices alone; published weights at their own share of the learning rate."""
        groups: dict[tuple[bool, float, bool], list[Any]] = {}
        for name, parameter in self.module.named_parameters():
            if parameter.requires_grad:
                key = (name in self.pretrained, self.scale_of(name), parameter.ndim < 2)
                groups.setdefault(key, []).append(parameter)
        return [
            {"params": parameters, "scale": scale, **({"weight_decay": 0.0} if plain else {})}
            for (_, scale, plain), parameters in groups.items()
        ]

    def scale_of(self, name: str) -> float:
        """What the learning rate is multiplied by for the module's parameter `name`."""
        return self.pretrained_scale if name in self.pretrained else 1.0

    def steps(self, shard: Shard) -> int:
        """Whole batches of an epoch; what is left over is drawn into other batches next time."""
        return len(shard.of(self._n_batches))

    @property
    def _n_batches(self) -> int:
        return len(self.train.samples) // self._size

    def batches(self, epoch: int, start: int, shard: Shard) -> Iterator[Any]:
        """A function of the seed and the epoch: shuffled, sorted by length within buckets, cut, shuffled."""
        plan = self._plan(epoch)
        for number in shard.of(self._n_batches)[start:]:
            yield self.batch([self.train.draw(int(row), epoch) for row in plan[number]])

    def _plan(self, epoch: int) -> NDArray[np.int64]:
        rng = np.random.default_rng([self._seed, epoch])
        order = rng.permutation(len(self.train.samples))[: self._n_batches * self._size]
        bucket = self._batch_config.bucket
        if bucket > 1:
            for begin in range(0, len(order), bucket * self._size):
                part = order[begin : begin + bucket * self._size]
                lengths = np.array([_length(self.train.samples[row]) for row in part])
                order[begin : begin + len(part)] = part[np.argsort(lengths, kind="stable")]
        return rng.permutation(order.reshape(self._n_batches, self._size), axis=0)

    def before_step(self, step: int) -> None:  # noqa: B027 - for families that have something to do
        """See `trainers.task.Task.before_step`."""

    def validate(self) -> dict[str, float]:
        """R@1, R@2, R@5 and MAP in percent over the validation samples and their candidates."""
        samples = [self.valid.draw(row) for row in self._valid_rows]
        return measure(samples, self.score(samples))


def texts_of(samples: Sequence[RankingSample]) -> Iterator[str]:
    """Every utterance, in order."""
    for sample in samples:
        for turn in sample.conversation.utterances:
            yield turn.text


def _length(sample: RankingSample) -> int:
    return sum(len(turn.text) for turn in sample.conversation.utterances)
