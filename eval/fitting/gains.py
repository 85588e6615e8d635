"""Means and gains over conversations that come in dialogues and datasets, with intervals and a test.

The bootstrap draws whole dialogues, within each dataset; the mean over datasets counts each alike. The test
flips the sign of whole dialogues (`eval.paired`), because conversations of one dialogue are not independent.
"""

from dataclasses import dataclass

import numpy as np

from eval.fitting.pools import Floats, Pools
from eval.paired import paired_tests
from eval.significance import RESAMPLES, draw_counts

__all__ = ["Estimate", "estimate", "gain"]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean, or a mean difference.

    Attributes:
        n: conversations.
        mean: over conversations of one dataset, or over datasets.
        low, high: 95 % percentile bootstrap interval.
        p: two-sided randomisation test that the difference is 0; None for a plain mean.
    """

    n: int
    mean: float
    low: float
    high: float
    p: float | None = None

    @property
    def is_clear(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.low > 0 or self.high < 0


def estimate(
    values: Floats, pools: Pools, *, resamples: int = RESAMPLES, seed: int = 0
) -> dict[str, Estimate]:
    """Means of `values` ``(q,)`` by dataset, and over several of them under ``""``."""
    found: dict[str, Estimate] = {}
    drawn = np.zeros((len(pools.datasets), resamples))
    for number, name in enumerate(pools.datasets):
        rows = pools.dataset == number
        drawn[number] = _resampled(values[rows], pools.group[rows], resamples, seed)
        low, high = np.percentile(drawn[number], [2.5, 97.5])
        found[name] = Estimate(int(rows.sum()), float(values[rows].mean()), float(low), float(high))
    if len(pools.datasets) > 1:
        low, high = np.percentile(drawn.mean(axis=0), [2.5, 97.5])
        mean = float(np.mean([each.mean for each in found.values()]))
        found[""] = Estimate(len(values), mean, float(low), float(high))
    return found


def gain(
    values: Floats, others: Floats, pools: Pools, *, resamples: int = RESAMPLES, seed: int = 0
) -> dict[str, Estimate]:
    """By how much `values` are above `others`, both ``(q,)``, as `estimate` has it, with a test."""
    found = estimate(values - others, pools, resamples=resamples, seed=seed)
    weight = pools.weight
    tested = {}
    for name, each in found.items():
        rows = np.ones(len(pools), dtype=bool) if name == "" else pools.dataset == pools.datasets.index(name)
        _, group = np.unique(pools.group[rows], return_inverse=True)
        sums = [np.bincount(group, (weight * side)[rows]) for side in (values, others)]
        (test,) = paired_tests({"a": sums[0], "b": sums[1]}, [("a", "b")], resamples=1, seed=seed)
        tested[name] = Estimate(each.n, each.mean, each.low, each.high, test.p)
    return tested


def _resampled(values: Floats, group: Floats, resamples: int, seed: int) -> Floats:
    """Means of `resamples` draws of whole groups, ``(resamples,)``."""
    _, of = np.unique(group, return_inverse=True)
    sums, sizes = np.bincount(of, values), np.bincount(of).astype(np.float64)
    means = np.empty(resamples)
    for part, counts in draw_counts(len(sums), resamples, seed):
        means[part] = np.round((counts @ sums) / (counts @ sizes), 12)
    return means
