"""The measures as formulas over `Ranked`, each of shape ``(q,)`` (see `eval.metrics.measures`)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.metrics.ranked import Floats, Ints, Ranked
from retriever.errors import InputError

__all__ = ["average_precision", "hit", "precision", "recall", "reciprocal_rank"]


def recall(ranked: Ranked, k: int) -> Floats:
    """Relevant items in the top k over relevant items in the pool."""
    _need_relevant(ranked, "recall@k")
    if ranked.ties == "mean":
        # every position of a group stands for a size-th of each of its relevant items
        found = ((ranked.mean_rank <= k) * ranked.group_relevant / ranked.size).sum(axis=1)
    else:
        found = ranked.gain()[:, :k].sum(axis=1)
    return np.asarray(found / ranked.n_relevant)


def precision(ranked: Ranked, k: int) -> Floats:
    """Relevant items in the top k over k."""
    _refuse_mean(ranked, "P@k")
    return np.asarray(ranked.gain()[:, :k].sum(axis=1) / k)


def hit(ranked: Ranked, k: int) -> Floats:
    """Whether any of the top k is relevant."""
    _refuse_mean(ranked, "Hit@k")
    if ranked.ties != "expected":
        return np.asarray((ranked.gain()[:, :k].sum(axis=1) > 0).astype(np.float64))
    cut = min(k, ranked.n)
    # Only the group that holds rank `cut` is uncertain: `slots` of its items are drawn without replacement.
    at = cut - 1
    start, size, inside = ranked.start[:, at], ranked.size[:, at], ranked.group_relevant[:, at]
    slots = cut - start
    miss = np.ones(len(start))
    for drawn in range(int(slots.max(initial=0))):
        left = np.maximum(size - drawn, 1)
        miss *= np.where(drawn < slots, np.maximum(size - inside - drawn, 0) / left, 1.0)
    return np.asarray(np.where(ranked.relevant_above[:, at] > 0, 1.0, 1.0 - miss))


def reciprocal_rank(ranked: Ranked) -> Floats:
    """One over the rank of the first relevant item, 0 when the list holds none."""
    holds = ranked.group_relevant > 0
    rows = np.flatnonzero(holds.any(axis=1))
    at = holds[rows].argmax(axis=1)  # the first group that holds a relevant item, at its first position
    start, size = ranked.start[rows, at], ranked.size[rows, at]
    inside = ranked.group_relevant[rows, at]
    value = np.zeros(len(ranked.start))
    if ranked.ties == "mean":
        value[rows] = 1 / ranked.mean_rank[rows, at]
    elif ranked.ties == "optimistic":
        value[rows] = 1 / (start + 1)
    elif ranked.ties == "pessimistic":
        value[rows] = 1 / (start + size - inside + 1)
    else:
        value[rows] = _expected_reciprocal(start, size, inside)
    return value


def _expected_reciprocal(start: Ints, size: Ints, inside: Ints) -> Floats:
    """Mean of 1 / (start + J), J the place of the first of `inside` relevant among `size` shuffled items.

    P(J = 1) = inside / size, and P(J = j + 1) = P(J = j) (size - j - inside + 1) / (size - j).
    """
    total = np.zeros(len(start))
    probability = inside / np.maximum(size, 1)
    for place in range(1, int((size - inside).max(initial=-1)) + 2):
        total += probability / (start + place)
        probability = probability * np.maximum(size - place - inside + 1, 0) / np.maximum(size - place, 1)
    return total


def average_precision(ranked: Ranked, cut: int | None = None) -> Floats:
    """Sum over positions of relevance times precision there, over relevant items in the pool."""
    _need_relevant(ranked, "average precision")
    place, inside, above = ranked.place, ranked.group_relevant, ranked.relevant_above
    before: NDArray[Any]
    depth: Floats = (ranked.start + place).astype(np.float64)
    if ranked.ties == "expected":
        # given that this position is relevant, the other places of the group share its other relevant items
        before = np.asarray((place - 1) * (inside - 1) / np.maximum(ranked.size - 1, 1), dtype=np.float64)
    elif ranked.ties == "mean":
        before, depth = (inside - 1) / 2, ranked.mean_rank
    elif ranked.ties == "optimistic":
        before = place - 1.0
    else:
        before = place - 1.0 - (ranked.size - inside)
    terms = ranked.gain() * (above + 1 + before) / depth
    if cut is not None:
        terms = np.where(depth <= cut, terms, 0.0)
    return np.asarray(terms.sum(axis=1) / ranked.n_relevant)


def _need_relevant(ranked: Ranked, what: str) -> None:
    if (ranked.n_relevant == 0).any():
        at = int(np.argmax(ranked.n_relevant == 0))
        raise InputError(
            f"list {at} has no relevant item, so its {what} is 0/0; leave such lists out and count them"
        )


def _refuse_mean(ranked: Ranked, what: str) -> None:
    if ranked.ties == "mean":
        raise InputError(f"{what} counts whole items and has no mean rank; use ties='expected'")
