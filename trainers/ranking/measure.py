"""What a ranker in training is judged by."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from eval.metrics import average_precision, mean, recall_at_k
from trainers.datasets.ranking import RankingSample

__all__ = ["measure"]


def measure(samples: Sequence[RankingSample], scores: Sequence[NDArray[np.float64]]) -> dict[str, float]:
    """R@1, R@2, R@5 and MAP (which is MRR: one gold) in percent; ties count by expectation over orders.

    Only the gold's own place is right: where a policy lists the gold twice, the other one is a tie.
    """
    found: dict[str, list[float]] = {"R@1": [], "R@2": [], "R@5": [], "MAP": []}
    by_length: dict[int, list[int]] = {}
    for at, row in enumerate(scores):
        by_length.setdefault(len(row), []).append(at)
    for length, places in by_length.items():
        table = np.stack([scores[at] for at in places])
        golds = np.array([samples[at].gold for at in places])
        relevant = np.arange(length) == golds[:, None]
        for k in (1, 2, 5):
            found[f"R@{k}"] += recall_at_k(table, relevant, k).tolist()
        found["MAP"] += average_precision(table, relevant).tolist()
    return {name: 100 * mean(values) for name, values in found.items()}
