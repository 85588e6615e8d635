"""What the training half of a baseline is: a module that keeps the model and names its loss terms."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from retriever.rankers.baselines.base import BaselineModel
from trainers.baselines.batch import BaselineBatch
from trainers.baselines.config import BaselineSettings
from trainers.images.augment import random_crop, to_float

__all__ = ["BaselineModule", "Needs", "golds", "same_sticker"]


class Needs:
    """What a module is told of the data.

    Args:
        classes: of the batch's labels.
        mask: the number of [MASK].
        special: numbers of markers, which are never words.
        vocabulary: entries of the word table.
    """

    def __init__(self, classes: int, mask: int, special: tuple[int, ...], vocabulary: int) -> None:
        self.classes, self.mask, self.special, self.vocabulary = classes, mask, special, vocabulary


class BaselineModule(nn.Module, ABC):
    """The model and whatever only training has.

    Args:
        model: what is kept after training.
        settings: of the family's class.
        needs: of the data.
    """

    terms: ClassVar[tuple[str, ...]]
    """The loss terms, each a field of the losses' configuration."""
    golds_only: ClassVar[bool] = True
    """Whether the loss contrasts golds within the batch; else every candidate is encoded."""
    labels: ClassVar[Literal["none", "identity", "meaning"]] = "none"
    """What the batch's labels are."""

    def __init__(self, model: BaselineModel, settings: BaselineSettings, needs: Needs) -> None:
        super().__init__()
        self.model: Any = model
        self.losses: Any = settings.losses
        self.crop = settings.crop

    @abstractmethod
    def forward(self, batch: BaselineBatch) -> dict[str, Tensor]:
        """Every term whose weight is above 0."""

    def before_step(self, step: int) -> None:
        """See `trainers.task.Task.before_step`."""

    def pictures(self, batch: BaselineBatch) -> Tensor:
        """(D, 3, size, size) random crops of the distinct stickers."""
        return random_crop(to_float(batch.pixels), self.model.config.image.size, self.crop)


def golds(batch: BaselineBatch) -> Tensor:
    """(K,) int64: each conversation's gold among the distinct stickers."""
    own = torch.arange(len(batch.gold), device=batch.gold.device)
    return batch.candidates[own, batch.gold]


def same_sticker(batch: BaselineBatch) -> Tensor:
    """(K, K) boolean: whether two conversations were answered by the same sticker."""
    gold = golds(batch)
    return gold[:, None] == gold
