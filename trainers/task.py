"""What is trained: a module that gives named loss terms, the batches it eats, and how well it does."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from torch import nn

__all__ = ["Shard", "Task"]

Metrics = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Shard:
    """Which part of the data this process trains on: part `index` of `count`."""

    index: int = 0
    count: int = 1

    def of(self, batches: int) -> range:
        """The numbers of this process's batches among `batches`; every process gets equally many."""
        return range(self.index, batches - batches % self.count, self.count)


class Task(Protocol):
    """Binds a ranker and its losses; the loop knows nothing else of either.

    One loop trains every family: whatever is particular to one of them lives behind this protocol.
    """

    @property
    def module(self) -> "nn.Module":
        """Its ``forward(batch)`` gives the named loss terms, each a scalar tensor, as one mapping.

        Everything a loss needs happens inside ``forward``, so that several processes can share the work.
        """
        ...

    @property
    def weights(self) -> Mapping[str, float]:
        """What each term weighs in the total; 1 where not named, and a term of weight 0 is only logged."""
        ...

    def parameter_groups(self) -> list[dict[str, Any]]:
        """For AdamW. A group's optional ``scale`` multiplies the learning rate of the schedule."""
        ...

    def steps(self, shard: Shard) -> int:
        """Batches of one epoch."""
        ...

    def batches(self, epoch: int, start: int, shard: Shard) -> Iterable[Any]:
        """The batches of an epoch from number `start` on: the same ones however often it is asked.

        A batch is any nest of mappings, sequences and dataclasses with tensors at its leaves.
        """
        ...

    def before_step(self, step: int) -> None:
        """Called before each optimiser step, on every process (to refresh a cache, say); may do nothing."""
        ...

    def validate(self) -> Metrics:
        """Metrics on the *validation* split, never the test split; in percent or as named."""
        ...

    def save(self, folder: Path, metrics: Metrics) -> None:
        """Write a whole checkpoint into the empty `folder`: one that inference can load."""
        ...
