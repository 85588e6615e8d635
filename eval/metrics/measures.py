"""The measures by name, from scores and relevance to one value a query.

All of them take ``scores`` and ``relevance`` of shape ``(n,)`` or ``(q, n)`` and return shape ``(q,)``
(``(1,)`` for one list), in [0, 1]. Scores are finite, higher is better; relevance is boolean or graded (above
0 is relevant). Position in the input never matters: equal scores follow the tie rule
(`eval.metrics.ranked.Ties`), by default the exact expectation over all orders of tied items. A NaN or an
infinity is refused.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from eval.metrics import formulas
from eval.metrics.ranked import Floats, Ranked, Ties, rank
from retriever.errors import InputError

__all__ = ["average_precision", "hit_at_k", "ndcg_at_k", "precision_at_k", "recall_at_k", "reciprocal_rank"]

# Lists are worked through in slices of about this many scores, to stay within cache and memory.
_SLICE = 1 << 19


def recall_at_k(
    scores: ArrayLike,
    relevance: ArrayLike,
    k: int,
    *,
    ties: Ties = "expected",
    n_relevant: ArrayLike | None = None,
) -> Floats:
    """R_n@k: relevant items in the top k over those in the pool; with one gold, 1 if its rank is <= k.

    The n of the papers' R_10@k is the length of the list and counts the gold. With fewer than k items all of
    them are in the top k.

    Args:
        n_relevant: relevant items in the whole pool, when the list holds only part of it.

    Raises:
        InputError: bad shapes or values, k below 1, or no relevant item at all (0/0).
    """
    _check_cut(k)
    return _by_slices(scores, relevance, ties, n_relevant, lambda ranked: formulas.recall(ranked, k))


def precision_at_k(scores: ArrayLike, relevance: ArrayLike, k: int, *, ties: Ties = "expected") -> Floats:
    """P@k: relevant items in the top k over k, also when there are fewer (missing ones are wrong).

    Not to be mistaken for Int-RA's "P@k", which is `hit_at_k`. The tie rule ``mean`` does not apply.

    Raises:
        InputError: bad shapes or values, k below 1, or the tie rule ``mean``.
    """
    _check_cut(k)
    return _by_slices(scores, relevance, ties, None, lambda ranked: formulas.precision(ranked, k))


def hit_at_k(scores: ArrayLike, relevance: ArrayLike, k: int, *, ties: Ties = "expected") -> Floats:
    """Hit@k: 1 if any of the top k (of all, when there are fewer) is relevant; what Int-RA calls "P@k".

    With ties, ``expected`` gives the probability of a hit. The tie rule ``mean`` does not apply.

    Raises:
        InputError: bad shapes or values, k below 1, or the tie rule ``mean``.
    """
    _check_cut(k)
    return _by_slices(scores, relevance, ties, None, lambda ranked: formulas.hit(ranked, k))


def reciprocal_rank(
    scores: ArrayLike, relevance: ArrayLike, *, cut: int | None = None, ties: Ties = "expected"
) -> Floats:
    """One over the rank of the first relevant item, 0 when the list holds none; its mean is MRR.

    The papers' MRR_10 is this over lists of ten, their MRR_all over all stickers; neither is cut.

    Args:
        cut: a rank below it counts 0 (RR@cut); None for the whole list.

    Raises:
        InputError: bad shapes or values, or a cut below 1.
    """
    if cut is not None:
        _check_cut(cut)
    return _by_slices(scores, relevance, ties, None, lambda ranked: formulas.reciprocal_rank(ranked, cut))


def ndcg_at_k(
    scores: ArrayLike,
    relevance: ArrayLike,
    k: int | None = None,
    *,
    ties: Ties = "expected",
    n_relevant: ArrayLike | None = None,
) -> Floats:
    """nDCG@k: sum of grade / log2(rank + 1) over the top k, over that of the best order of the pool.

    Järvelin & Kekäläinen 2002 with the discount from rank 1 on, as trec_eval has it: the gain is the grade
    itself, not 2^grade - 1. The best order is cut at k too.

    Args:
        k: None for the whole list.
        n_relevant: relevant items in the whole pool, when the list holds only part of it and all grades
            are 1.

    Raises:
        InputError: bad shapes or values, k below 1, or no relevant item at all (0/0).
    """
    if k is not None:
        _check_cut(k)
    return _by_slices(scores, relevance, ties, n_relevant, lambda ranked: formulas.ndcg(ranked, k))


def average_precision(
    scores: ArrayLike,
    relevance: ArrayLike,
    *,
    cut: int | None = None,
    ties: Ties = "expected",
    n_relevant: ArrayLike | None = None,
) -> Floats:
    """AP: mean over the relevant items of the precision at their ranks; with one relevant item, 1/rank.

    The denominator is the number of relevant items **in the whole pool**, found or not, cut or not.

    Args:
        cut: ranks below it count 0 (AP@cut); None for the whole list.
        n_relevant: relevant items in the whole pool, when the list holds only part of it.

    Raises:
        InputError: bad shapes or values, a cut below 1, or no relevant item at all (0/0).
    """
    if cut is not None:
        _check_cut(cut)
    return _by_slices(
        scores, relevance, ties, n_relevant, lambda ranked: formulas.average_precision(ranked, cut)
    )


def _check_cut(k: int) -> None:
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1:
        raise InputError(f"k is {k!r}; expected a whole number of at least 1")


def _by_slices(
    scores: ArrayLike,
    relevance: ArrayLike,
    ties: Ties,
    n_relevant: ArrayLike | None,
    formula: Callable[[Ranked], Floats],
) -> Floats:
    score, relevant = np.asarray(scores), np.asarray(relevance)
    if score.ndim != 2 or score.shape != relevant.shape or score.size <= _SLICE:
        return formula(rank(score, relevant, ties, n_relevant))
    pool = None if n_relevant is None else np.broadcast_to(np.asarray(n_relevant), score.shape[:1])
    step = max(1, _SLICE // score.shape[1])
    slices = [slice(i, i + step) for i in range(0, len(score), step)]
    pools = [None if pool is None else pool[part] for part in slices]
    return np.concatenate(
        [
            formula(rank(score[part], relevant[part], ties, part_pool))
            for part, part_pool in zip(slices, pools, strict=True)
        ]
    )
