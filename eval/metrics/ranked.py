"""Rankings with ties: where the relevant items of a list stand, worked out once for all measures."""

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eval.metrics.places import count_above
from retriever.errors import InputError

__all__ = ["Floats", "Ints", "Ranked", "Ties", "rank", "rank_found"]

Ties = Literal["expected", "mean", "optimistic", "pessimistic"]
"""What a measure means when items have equal scores; the position of an item in the input never matters.

``expected`` (default): the exact mean of the measure over all orders of the tied items, in closed form
(McSherry & Najork, "Computing information retrieval performance measures efficiently in the presence of tied
scores", ECIR 2008). A constant scorer gets exactly the chance level.
``mean``: every item stands at its mean rank, 1 + number above + half the number tied with it.
``optimistic``, ``pessimistic``: relevant items first, or last, among those tied with them; of relevant ones
the higher grade first, or last.
"""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Ranked:
    """Lists as their relevant items: no measure needs to know where the others stand.

    All arrays but the last two have shape ``(m,)``, one entry a relevant item of any list: list by list, in
    each from the best score on, and among equal scores from the highest grade on.

    Attributes:
        lists: number of lists, q.
        query: which list the item is in, 0 to q - 1, ascending.
        start: number of items scored strictly above it.
        size: number of items with its score, itself included (1 without ties).
        inside: number of relevant items among those.
        above: number of relevant items scored strictly above it.
        place: its number among the `inside`, from 1.
        grade: its grade, above 0.
        n_relevant: ``(q,)``, relevant items in the whole pool, at least those in the list.
        pool: grades of all relevant items of the pool, as (query, grade) pairs of arrays with the highest
            grade of each query first; None when they are the list's own and others of grade 1.
        ties: the tie rule.
    """

    lists: int
    query: Ints
    start: Ints
    size: Ints
    inside: Ints
    above: Ints
    place: Ints
    grade: Floats
    n_relevant: Ints
    pool: tuple[Ints, Floats] | None
    ties: Ties

    @property
    def mean_rank(self) -> Floats:
        """1 + number above + half of the others it is tied with; shape ``(m,)``."""
        return np.asarray(self.start + (self.size + 1) / 2, dtype=np.float64)

    @property
    def order(self) -> Ints:
        """Number among the relevant items tied with it; ``pessimistic``: the highest grade last."""
        return self.inside - self.place + 1 if self.ties == "pessimistic" else self.place

    @property
    def position(self) -> Ints:
        """Rank from 1 where tied relevant items come first (``optimistic``) or last (``pessimistic``)."""
        others = self.size - self.inside if self.ties == "pessimistic" else 0
        return np.asarray(self.start + others + self.order)

    def total(self, values: Floats) -> Floats:
        """Sum over the items of each list, ``(m,)`` to ``(q,)``."""
        return np.asarray(np.bincount(self.query, weights=values, minlength=self.lists), dtype=np.float64)


def rank(
    scores: ArrayLike, relevance: ArrayLike, ties: Ties = "expected", n_relevant: ArrayLike | None = None
) -> Ranked:
    """Find the places of relevant items in lists of equal length.

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
    score, grade = _numbers(scores, "scores"), _numbers(relevance, "relevance")
    if score.shape != grade.shape:
        raise InputError(f"scores have shape {score.shape}, relevance {grade.shape}; expected the same shape")
    if score.ndim not in (1, 2) or score.shape[-1] == 0:
        raise InputError(f"scores have shape {score.shape}; expected (n,) or (queries, n) with n at least 1")
    if grade.dtype.kind != "b" and grade.size and grade.min() < 0:
        raise InputError("relevance holds a negative grade; expected 0 for not relevant, more for relevant")
    score, grade = np.atleast_2d(score), np.atleast_2d(grade)
    found = np.count_nonzero(grade, axis=1)
    score = score.astype(np.float64, copy=False)
    query, column = np.nonzero(grade)
    items = query, score[query, column], grade[query, column]
    return rank_found(score, *items, _pool(n_relevant, found), None, ties)


def rank_found(
    scores: Floats,
    query: NDArray[np.intp],
    score: Floats,
    grades: NDArray[Any],
    n_relevant: Ints,
    pool: tuple[Ints, Floats] | None,
    ties: Ties,
) -> Ranked:
    """`rank` where the relevant items are known, for input that is known to be good.

    Args:
        scores: ``(q, n)``, of all items; lists may be filled up with minus infinity.
        query, score, grades: ``(m,)``, of the relevant items: list, ascending; score, which occurs in that
            list; grade.
        n_relevant, pool, ties: as `Ranked` has them.
    """
    grade = grades.astype(np.float64)
    start, size = count_above(scores, query, score)
    order = np.lexsort((-grade, start, query))
    query, start, size, grade = query[order], start[order], size[order], grade[order]

    number = np.arange(len(query))
    new_list = np.diff(query, prepend=-1) != 0
    new_group = new_list | (np.diff(start, prepend=-1) != 0)
    of_list = np.maximum.accumulate(np.where(new_list, number, 0))
    of_group = np.maximum.accumulate(np.where(new_group, number, 0))
    group = np.cumsum(new_group) - 1
    inside = np.bincount(group)[group] if len(query) else number
    return Ranked(
        lists=len(scores),
        query=query,
        start=start,
        size=size,
        inside=inside,
        above=of_group - of_list,
        place=number - of_group + 1,
        grade=grade,
        n_relevant=n_relevant,
        pool=pool,
        ties=ties,
    )


def _numbers(values: ArrayLike, what: str) -> NDArray[Any]:
    try:
        array: NDArray[Any] = np.asarray(values)
        if array.dtype.kind not in "bifu":
            raise ValueError(f"their type is {array.dtype}")
    except (TypeError, ValueError) as error:
        raise InputError(f"{what} are not an array of real numbers ({error})") from None
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        raise InputError(f"{what} hold {array[where]} at {where}; expected finite numbers")
    return array


def _pool(n_relevant: ArrayLike | None, found: NDArray[np.intp]) -> Ints:
    if n_relevant is None:
        return found.astype(np.int64)
    pool = np.broadcast_to(np.asarray(n_relevant, dtype=np.int64), found.shape)
    if (pool < found).any():
        at = int(np.argmax(pool < found))
        raise InputError(f"n_relevant is {pool[at]} for list {at}, which holds {found[at]} relevant items")
    return pool
