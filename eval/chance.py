"""What a scorer that knows nothing gets: the exact mean over all orders of n items, R of them relevant.

A constant scorer under the tie rule ``expected`` gets these values query by query.
"""

from functools import lru_cache
from math import log2

from retriever.errors import InputError

__all__ = [
    "average_precision",
    "harmonic",
    "hit_at_k",
    "ndcg_at_k",
    "precision_at_k",
    "recall_at_k",
    "reciprocal_rank",
]


@lru_cache(maxsize=4096)
def harmonic(n: int) -> float:
    """H_n = 1 + 1/2 + ... + 1/n; H_0 = 0."""
    return sum(1 / i for i in range(n, 0, -1))


def recall_at_k(n: int, relevant: int, k: int) -> float:
    """min(k, n) / n, however many are relevant: R_10@k is k/10."""
    _check(n, relevant, k, least=1)
    return min(k, n) / n


def precision_at_k(n: int, relevant: int, k: int) -> float:
    """The prevalence R/n, times min(k, n)/k where the list is shorter than k."""
    _check(n, relevant, k)
    return relevant / n * min(k, n) / k


def hit_at_k(n: int, relevant: int, k: int) -> float:
    """1 - C(n - R, k) / C(n, k)."""
    _check(n, relevant, k)
    miss = 1.0
    for drawn in range(min(k, n)):
        miss *= max(n - relevant - drawn, 0) / (n - drawn)
    return 1 - miss


@lru_cache(maxsize=4096)
def reciprocal_rank(n: int, relevant: int, cut: int | None = None) -> float:
    """Sum over j of C(n - j, R - 1) / C(n, R) / j; H_n / n with one relevant item (0.2929 for ten)."""
    _check(n, relevant, 1 if cut is None else cut)
    total, probability = 0.0, relevant / n
    last = n - relevant + 1
    for place in range(1, last + 1 if cut is None else min(last, cut) + 1):
        total += probability / place
        probability *= max(n - place - relevant + 1, 0) / max(n - place, 1)
    return total


@lru_cache(maxsize=4096)
def ndcg_at_k(n: int, relevant: int, cut: int | None = None) -> float:
    """R/n times the sum of the discounts of ranks 1 to the cut, over that of the first R; grades are 1."""
    _check(n, relevant, 1 if cut is None else cut, least=1)
    depth = n if cut is None else min(cut, n)
    return relevant / n * _discounts(depth) / _discounts(min(relevant, depth))


def _discounts(depth: int) -> float:
    return sum(1 / log2(i + 1) for i in range(depth, 0, -1))


def average_precision(n: int, relevant: int, cut: int | None = None) -> float:
    """(H_k (1 - c) + k c) / n, c = (R - 1)/(n - 1), k = n or the cut; H_n / n with one relevant item."""
    _check(n, relevant, 1 if cut is None else cut, least=1)
    depth = n if cut is None else min(cut, n)
    share = (relevant - 1) / (n - 1) if n > 1 else 0.0
    return (harmonic(depth) * (1 - share) + depth * share) / n


def _check(n: int, relevant: int, k: int = 1, least: int = 0) -> None:
    if n < 1 or not least <= relevant <= n:
        raise InputError(f"got {relevant} relevant among {n} items; expected {least} to n of at least 1")
    if k < 1:
        raise InputError(f"k is {k}; expected at least 1")
