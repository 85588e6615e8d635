"""What the train split beside a dataset says: which stickers were sent, and which labels, how often."""

from collections import Counter
from dataclasses import dataclass

from eval.datasets import Dataset
from eval.labels import LabelField, label_of

__all__ = ["TrainingCounts", "count_training"]


@dataclass(frozen=True, slots=True)
class TrainingCounts:
    """How often things occur in a train split.

    Attributes:
        golds: by sticker id.
        labels: by normal label; empty where no field was asked for.
    """

    golds: Counter[str]
    labels: Counter[str]


def count_training(source: Dataset, field: LabelField | None) -> TrainingCounts | None:
    """Read the train split once; None where there is none. Rows that cannot be read count for nothing."""
    train = source.train()
    if train is None:
        return None
    golds: Counter[str] = Counter()
    labels: Counter[str] = Counter()
    for sample in train.samples():
        if sample.gold is not None:
            golds[sample.gold] += 1
        label = label_of(sample, field) if field else None
        if label is not None:
            labels[label] += 1
    return TrainingCounts(golds, labels)
