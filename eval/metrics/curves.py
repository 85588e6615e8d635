"""Precision against recall over thresholds; pooled when all queries form one list, as in Int-RA."""

import numpy as np
from numpy.typing import ArrayLike

from eval.metrics.ranked import Floats, rank
from retriever.errors import InputError

__all__ = ["precision_recall_curve", "step_area", "trapezoid_area"]


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
    ranked = rank(scores, relevance)
    if len(ranked.start) != 1:
        raise InputError("got several lists; expected one: ravel them for the pooled curve")
    if not ranked.n_relevant[0]:
        raise InputError("no item is relevant, so recall is 0/0")
    last = ranked.place[0] == ranked.size[0]
    found = (ranked.relevant_above + ranked.group_relevant)[0, last]
    taken = (ranked.start + ranked.size)[0, last]
    return found / ranked.n_relevant[0], found / taken


def step_area(recall: Floats, precision: Floats) -> float:
    """Sum of precision times the step in recall; equals average precision where nothing is tied."""
    return float(np.sum(np.diff(recall, prepend=0.0) * precision))


def trapezoid_area(recall: Floats, precision: Floats) -> float:
    """Area under straight lines from (0, 1) on: Int-RA's; not interchangeable with `step_area`."""
    x, y = np.concatenate([[0.0], recall]), np.concatenate([[1.0], precision])
    return float(np.sum(np.diff(x) * (y[1:] + y[:-1]) / 2))
