"""Rankings with ties: how every tie rule fills the ranks, worked out once for all measures."""

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from retriever.errors import InputError

Ties = Literal["expected", "mean", "optimistic", "pessimistic"]
"""What a measure means when items have equal scores; the position of an item in the input never matters.

``expected`` (default): the exact mean of the measure over all orders of the tied items, in closed form
(McSherry & Najork, "Computing information retrieval performance measures efficiently in the presence of tied
scores", ECIR 2008). A constant scorer gets exactly the chance level.
``mean``: every item stands at its mean rank, 1 + number above + half the number tied with it.
``optimistic``, ``pessimistic``: relevant items first, or last, among those tied with them.
"""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Ranked:
    """Lists of n items in order of score, seen as groups of tied items. Position p (from 0) has rank p + 1.

    All arrays have shape ``(q, n)``; the first four describe the group that position p belongs to.

    Attributes:
        start: number of items scored strictly above the group.
        size: number of items in the group (1 without ties).
        group_relevant: number of relevant items in the group.
        relevant_above: number of relevant items scored strictly above the group.
        n_relevant: ``(q,)``, relevant items in the whole pool, at least those in the list.
        ties: the tie rule.
    """

    start: Ints
    size: Ints
    group_relevant: Ints
    relevant_above: Ints
    n_relevant: Ints
    ties: Ties

    @property
    def n(self) -> int:
        """Number of items in each list."""
        return int(self.start.shape[1])

    @property
    def place(self) -> Ints:
        """Position within the group, from 1; shape ``(q, n)``."""
        return np.arange(1, self.n + 1)[None, :] - self.start

    @property
    def mean_rank(self) -> Floats:
        """Rank shared by the group: 1 + number above + half of the others in it; shape ``(q, n)``."""
        return self.start + (self.size + 1) / 2

    def gain(self) -> Floats:
        """Expected relevance at each position under the tie rule, in [0, 1]; shape ``(q, n)``."""
        if self.ties == "optimistic":
            return (self.place <= self.group_relevant).astype(np.float64)
        if self.ties == "pessimistic":
            return (self.place > self.size - self.group_relevant).astype(np.float64)
        return self.group_relevant / self.size


def rank(
    scores: ArrayLike, relevance: ArrayLike, ties: Ties = "expected", n_relevant: ArrayLike | None = None
) -> Ranked:
    """Sort lists by score, highest first, and group what is tied.

    Args:
        scores: ``(n,)`` or ``(q, n)``, finite; higher is better.
        relevance: same shape; booleans or grades, where anything above 0 is relevant.
        ties: see `Ties`.
        n_relevant: relevant items in the whole pool, ``()`` or ``(q,)``, when the lists hold only part of it.

    Raises:
        InputError: shapes differ, a list is empty, a value is not finite, a grade is negative, the tie rule
            is unknown, or `n_relevant` is less than what the list holds.
    """
    if ties not in get_args(Ties):
        raise InputError(f"tie rule is {ties!r}; expected one of {', '.join(get_args(Ties))}")
    score, relevant = _checked(scores, relevance)
    q, n = score.shape
    order = np.argsort(-score, axis=1)
    score = np.take_along_axis(score, order, axis=1)
    relevant = np.take_along_axis(relevant, order, axis=1)

    first = np.ones((q, n), dtype=bool)
    first[:, 1:] = score[:, 1:] != score[:, :-1]
    position = np.arange(n)[None, :]
    start = np.maximum.accumulate(np.where(first, position, 0), axis=1)
    last = np.ones((q, n), dtype=bool)
    last[:, :-1] = first[:, 1:]
    end = np.minimum.accumulate(np.where(last, position + 1, n)[:, ::-1], axis=1)[:, ::-1]

    running = np.zeros((q, n + 1), dtype=np.int64)
    np.cumsum(relevant, axis=1, out=running[:, 1:])
    above = np.take_along_axis(running, start, axis=1)
    inside = np.take_along_axis(running, end, axis=1) - above
    return Ranked(start, end - start, inside, above, _pool(n_relevant, running[:, -1]), ties)


def _checked(scores: ArrayLike, relevance: ArrayLike) -> tuple[Floats, NDArray[np.bool_]]:
    score, grade = _numbers(scores, "scores"), _numbers(relevance, "relevance")
    if score.shape != grade.shape:
        raise InputError(f"scores have shape {score.shape}, relevance {grade.shape}; expected the same shape")
    if score.ndim not in (1, 2) or score.shape[-1] == 0:
        raise InputError(f"scores have shape {score.shape}; expected (n,) or (queries, n) with n at least 1")
    if (grade < 0).any():
        raise InputError("relevance holds a negative grade; expected 0 for not relevant, more for relevant")
    return np.atleast_2d(score), np.atleast_2d(grade > 0)


def _numbers(values: ArrayLike, what: str) -> Floats:
    try:
        array: NDArray[Any] = np.asarray(values)
        if array.dtype.kind not in "bifu":
            raise ValueError(f"their type is {array.dtype}")
        array = array.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{what} are not an array of real numbers ({error})") from None
    if not np.isfinite(array).all():
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        raise InputError(f"{what} hold {array[where]} at {where}; expected finite numbers")
    return array


def _pool(n_relevant: ArrayLike | None, found: Ints) -> Ints:
    if n_relevant is None:
        return found
    pool = np.broadcast_to(np.asarray(n_relevant, dtype=np.int64), found.shape)
    if (pool < found).any():
        at = int(np.argmax(pool < found))
        raise InputError(f"n_relevant is {pool[at]} for list {at}, which holds {found[at]} relevant items")
    return pool
