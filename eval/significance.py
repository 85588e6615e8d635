"""How sure a mean or a paired difference is: bootstrap intervals, and who wins how often.

The bootstrap resamples queries (Efron & Tibshirani 1993; percentile interval), the same ones for all columns,
from a fixed seed. Queries of one dialogue are not independent: where dialogues are known they are drawn whole
(the cluster bootstrap, Davison & Hinkley 1997, section 3.8), or the intervals would be too narrow.
Tests between systems, with their correction for many, are in `eval.paired`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eval.metrics.ranked import Floats
from retriever.errors import InputError

__all__ = ["RESAMPLES", "Difference", "Interval", "cluster_sums", "compare", "draw_counts", "intervals"]

Ints = NDArray[np.int64]

RESAMPLES = 1000
_CHUNK = 100
_CELLS = 10_000_000  # of one block of draws, to stay within memory


@dataclass(frozen=True, slots=True)
class Difference:
    """By how much one system is above another, paired by query.

    Attributes:
        mean: mean difference over queries.
        low, high: 95 % percentile bootstrap interval of it.
        p: two-sided bootstrap p-value; its smallest value is 2/(resamples + 1).
        wins, ties, losses: queries on which it is above, equal, below (equal within 1e-12).
        macro: mean over labels of the difference, or None without labels.
        macro_low, macro_high: its interval.
    """

    mean: float
    low: float
    high: float
    p: float
    wins: int
    ties: int
    losses: int
    macro: float | None = None
    macro_low: float | None = None
    macro_high: float | None = None

    @property
    def is_clear(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean over queries and its 95 % percentile bootstrap interval; the macro average likewise, or None."""

    mean: float
    low: float
    high: float
    macro: float | None = None
    macro_low: float | None = None
    macro_high: float | None = None


def intervals(
    values: Floats,
    labels: Sequence[str | None] | None = None,
    *,
    clusters: Ints | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> list[Interval]:
    """Intervals of many means at once.

    Args:
        values: ``(n_queries, n_columns)``; a column for each system and measure.
        labels, clusters, resamples, seed: as in `compare`.

    Raises:
        InputError: as in `compare`.
    """
    return [
        Interval(found.mean, found.low, found.high, found.macro, found.macro_low, found.macro_high)
        for found in compare(values, labels, clusters=clusters, resamples=resamples, seed=seed)
    ]


def compare(
    differences: Floats,
    labels: Sequence[str | None] | None = None,
    *,
    clusters: Ints | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> list[Difference]:
    """Compare many pairs at once.

    Args:
        differences: ``(n_queries, n_columns)``, per-query values of one system minus those of the other;
            a column for each measure and pair.
        labels: of the queries, for the macro average; queries with None stay out of it.
        clusters: ``(n_queries,)``, numbers of the dialogues that are drawn whole; None draws queries.
        resamples: bootstrap resamples.
        seed: of the resampling.

    Returns:
        One `Difference` a column.

    Raises:
        InputError: no query, or numbers of labels, clusters and queries differ.
    """
    if differences.ndim != 2 or len(differences) == 0:
        raise InputError(
            f"differences have shape {differences.shape}; expected (queries, columns), at least one query"
        )
    if labels is not None and len(labels) != len(differences):
        raise InputError(f"got {len(labels)} labels for {len(differences)} queries")
    sums, sizes, of = cluster_sums(differences, clusters)
    groups = _groups(labels)
    micro = np.empty((resamples, differences.shape[1]))
    macro = np.empty_like(micro)
    for part, counts in draw_counts(len(sums), resamples, seed):
        # rounded, so that a difference of nothing is 0 and not the last bits of two sums
        micro[part] = np.round(counts @ sums / (counts @ sizes)[:, None], 12)
        macro[part] = np.round(_macro(counts, differences, groups, of), 12)
    whole = _macro(np.ones((1, len(sums))), differences, groups, of)[0]
    low, high = np.percentile(micro, [2.5, 97.5], axis=0)
    if groups:
        macro_low, macro_high = np.nanpercentile(macro, [2.5, 97.5], axis=0)
    means = differences.mean(axis=0)
    signs = np.where(np.abs(differences) <= 1e-12, 0, np.sign(differences))
    return [
        Difference(
            mean=float(means[at]),
            low=float(low[at]),
            high=float(high[at]),
            p=_p_value(micro[:, at]),
            wins=int((signs[:, at] > 0).sum()),
            ties=int((signs[:, at] == 0).sum()),
            losses=int((signs[:, at] < 0).sum()),
            macro=float(whole[at]) if groups else None,
            macro_low=float(macro_low[at]) if groups else None,
            macro_high=float(macro_high[at]) if groups else None,
        )
        for at in range(differences.shape[1])
    ]


def cluster_sums(values: Floats, clusters: Ints | None) -> tuple[Floats, Floats, Ints]:
    """What is drawn: sums ``(c, n_columns)`` and sizes ``(c,)`` of clusters, and each query's one, ``(q,)``.

    Args:
        values: ``(n_queries, n_columns)``.
        clusters: ``(n_queries,)``, any numbers; None makes every query its own.

    Raises:
        InputError: numbers of clusters and queries differ.
    """
    if clusters is None:
        return values, np.ones(len(values)), np.arange(len(values))
    if len(clusters) != len(values):
        raise InputError(f"got clusters of {len(clusters)} queries for {len(values)} queries")
    _, of = np.unique(clusters, return_inverse=True)
    order = np.argsort(of, kind="stable")
    sizes = np.bincount(of)
    sums = np.add.reduceat(values[order], np.cumsum(sizes) - sizes, axis=0)
    return sums, sizes.astype(np.float64), of.astype(np.int64)


def _groups(labels: Sequence[str | None] | None) -> list[Ints]:
    """Rows of the queries of each label."""
    rows: dict[str, list[int]] = {}
    for row, label in enumerate(labels or ()):
        if label is not None:
            rows.setdefault(label, []).append(row)
    return [np.array(group) for group in rows.values()]


def draw_counts(n: int, resamples: int, seed: int) -> Iterator[tuple[slice, Floats]]:
    """How often each of n queries or clusters is drawn: which resamples, and their counts ``(chunk, n)``."""
    rng = np.random.default_rng(seed)
    step = min(_CHUNK, max(1, _CELLS // n))
    for start in range(0, resamples, step):
        size = min(step, resamples - start)
        drawn = rng.integers(0, n, (size, n))
        drawn += np.arange(size)[:, None] * n
        counts = np.bincount(drawn.ravel(), minlength=size * n).reshape(size, n)
        yield slice(start, start + size), counts.astype(np.float64)


def _macro(counts: Floats, differences: Floats, groups: Sequence[Ints], of: Ints) -> Floats:
    """Mean over labels of the weighted mean in each, ``(chunk, columns)``; labels not drawn stay out."""
    if not groups:
        return np.full((len(counts), differences.shape[1]), np.nan)
    total = np.zeros((len(counts), differences.shape[1]))
    drawn = np.zeros((len(counts), 1))
    for rows in groups:
        drawn_rows = counts[:, of[rows]]
        weight = drawn_rows.sum(axis=1, keepdims=True)
        total += drawn_rows @ differences[rows] / np.maximum(weight, 1)
        drawn += weight > 0
    return np.where(drawn > 0, total / np.maximum(drawn, 1), np.nan)


def _p_value(resampled: Floats) -> float:
    tail = min((resampled <= 0).sum(), (resampled >= 0).sum())
    return float(min(1.0, 2 * (tail + 1) / (len(resampled) + 1)))
