"""Precision against recall over thresholds; pooled when all queries form one list, as in Int-RA."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from eval.metrics.ranked import Floats, Ranked, rank
from retriever.errors import InputError

__all__ = ["interpolated_precision", "precision_recall_curve", "step_area", "trapezoid_area"]


def precision_recall_curve(scores: ArrayLike, relevance: ArrayLike) -> tuple[Floats, Floats]:
    """One point for each distinct score used as a threshold, highest first; tied items enter together.

    Args:
        scores, relevance: ``(n,)``, as in `eval.metrics.measures`. For a pooled curve give all pairs of
            query and item in one list; scores must then be comparable across queries.

    Returns:
        Recall and precision, each of shape ``(number of distinct scores,)``; without the point (0, 1).

    Raises:
        InputError: bad shapes or values, or no relevant item.
    """
    score, relevant = np.asarray(scores), np.asarray(relevance)
    rank(score, relevant)  # for its checks
    if score.ndim == 2 and len(score) > 1:
        raise InputError("got several lists; expected one: ravel them for the pooled curve")
    order = np.argsort(-score.ravel().astype(np.float64), kind="stable")
    score, hits = score.ravel()[order], relevant.ravel()[order] > 0
    if not hits.any():
        raise InputError("no item is relevant, so recall is 0/0")
    last = np.append(score[1:] != score[:-1], True)
    found, taken = np.cumsum(hits)[last], np.flatnonzero(last) + 1
    return found / hits.sum(), found / taken


def interpolated_precision(ranked: Ranked, levels: Sequence[float] | Floats) -> Floats:
    """The best precision at any threshold with at least some recall, list by list; 0 where none has it.

    Tied items pass a threshold together, whatever the tie rule.

    Args:
        ranked: lists.
        levels: of recall, in [0, 1]; usually 0, 0.1, ..., 1.

    Returns:
        Shape ``(q, len(levels))``.
    """
    values = np.zeros((ranked.lists, len(levels)))
    first = np.flatnonzero(np.diff(ranked.query, prepend=-1))
    if len(first):
        found = ranked.above + ranked.inside
        precision = found / (ranked.start + ranked.size)
        recall = found / ranked.n_relevant[ranked.query]
        for at, level in enumerate(levels):
            reached = np.where(recall >= level - 1e-12, precision, 0.0)
            values[ranked.query[first], at] = np.maximum.reduceat(reached, first)
    return values


def step_area(recall: Floats, precision: Floats) -> float:
    """Sum of precision times the step in recall; equals average precision where nothing is tied."""
    return float(np.sum(np.diff(recall, prepend=0.0) * precision))


def trapezoid_area(recall: Floats, precision: Floats) -> float:
    """Area under straight lines from (0, 1) on: Int-RA's; not interchangeable with `step_area`."""
    x, y = np.concatenate([[0.0], recall]), np.concatenate([[1.0], precision])
    return float(np.sum(np.diff(x) * (y[1:] + y[:-1]) / 2))
