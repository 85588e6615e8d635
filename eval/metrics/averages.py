"""From one value a query to one number: over queries, and over labels."""

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from retriever.errors import InputError

__all__ = ["macro_mean", "mean", "mean_by_label", "same_label"]


def mean(values: ArrayLike) -> float:
    """Mean over queries (micro average); MRR of reciprocal ranks, MAP of average precisions.

    Raises:
        InputError: no value at all: a mean of nothing is not 0.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.size == 0:
        raise InputError("there is no query to average over; check what was left out and why")
    return float(array.mean())


def mean_by_label(values: ArrayLike, labels: Sequence[Hashable]) -> dict[Hashable, float]:
    """Mean over the queries of each label, in the order in which labels first appear.

    Raises:
        InputError: lengths differ, or there is no query.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.shape != (len(labels),):
        raise InputError(f"got values of shape {array.shape} for {len(labels)} labels; expected one each")
    if array.size == 0:
        raise InputError("there is no query to average over; check what was left out and why")
    rows: dict[Hashable, list[int]] = {}
    for row, label in enumerate(labels):
        rows.setdefault(label, []).append(row)
    return {label: float(array[index].mean()) for label, index in rows.items()}


def macro_mean(values: ArrayLike, labels: Sequence[Hashable]) -> float:
    """Mean over labels of the label's mean: every label weighs the same, however many queries have it.

    Raises:
        InputError: as in `mean_by_label`.
    """
    return mean(list(mean_by_label(values, labels).values()))


def same_label(query_labels: Sequence[Hashable], item_labels: Sequence[Hashable]) -> NDArray[np.bool_]:
    """Label-matched relevance: an item is relevant when it has the query's label; None matches nothing.

    Returns:
        Booleans of shape ``(len(query_labels), len(item_labels))``.
    """
    codes = {label: code for code, label in enumerate(dict.fromkeys(query_labels)) if label is not None}
    queries = np.array([codes.get(label, -2) for label in query_labels], dtype=np.int64)
    items = np.array([codes.get(label, -1) for label in item_labels], dtype=np.int64)
    matched: NDArray[np.bool_] = queries[:, None] == items[None, :]
    return matched
