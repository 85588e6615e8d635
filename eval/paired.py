"""Paired tests between systems on the same queries: a randomisation test, corrected by Holm.

The null hypothesis is that the two systems could have swapped their values on any query, so the sign of
every difference is as likely one way as the other (Fisher 1935; for retrieval: Smucker, Allan & Carterette,
CIKM 2007). The statistic is the mean difference, the test is two-sided. Up to 13 queries all signs are gone
through, and p is exact; beyond that signs are drawn from a fixed seed and p is (hits + 1) / (draws + 1),
never 0. Beyond 20,000 queries, where drawing would take minutes, pairs that differ on at least 1,000 get the
normal limit of the same test, and the others are drawn over the queries on which they differ.

Where dialogues are known, the sign of a whole dialogue is turned, and dialogues are drawn whole: queries of
one are not independent. The statistic stays the mean over queries; the numbers above are then of dialogues.

All tests of one call are one family, corrected by Holm's step-down method (Scandinavian Journal of
Statistics 1979): under any dependence between them, the chance of even one false alarm stays below the level.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eval.metrics.ranked import Floats
from eval.significance import RESAMPLES, cluster_sums, draw_counts
from retriever.errors import InputError

__all__ = ["FLIPS", "PairedTest", "against", "all_pairs", "holm", "paired_families", "paired_tests"]

FLIPS = 10_000
_EXACT = 13
_MANY = 20_000
_NORMAL = 1_000
_CELLS = 8_000_000  # of one block of signs, to stay within memory


@dataclass(frozen=True, slots=True)
class PairedTest:
    """One system held against another.

    Attributes:
        system, other: their names; a positive difference is in favour of `system`.
        n: queries.
        mean: mean difference.
        low, high: its 95 % percentile bootstrap interval; not corrected.
        p: two-sided randomisation test, not corrected.
        p_holm: corrected for all tests of the family, at least `p`.
        wins, ties, losses: queries on which `system` is above, equal (within 1e-12), below.
    """

    system: str
    other: str
    n: int
    mean: float
    low: float
    high: float
    p: float
    p_holm: float
    wins: int
    ties: int
    losses: int

    def is_clear(self, level: float = 0.05) -> bool:
        """Whether the corrected p is below `level`."""
        return self.p_holm < level


def all_pairs(names: Sequence[str]) -> list[tuple[str, str]]:
    """Every two of them, once."""
    return list(combinations(names, 2))


def against(names: Sequence[str], others: Sequence[str]) -> list[tuple[str, str]]:
    """Every name with each of `others`, no pair twice, none with itself."""
    pairs: dict[frozenset[str], tuple[str, str]] = {}
    for other in others:
        for name in names:
            if name != other:
                pairs.setdefault(frozenset((name, other)), (name, other))
    return list(pairs.values())


def holm(p_values: ArrayLike) -> Floats:
    """Holm-corrected p-values, ``(m,)``, in the order given: the running maximum of (m - i) p, at most 1.

    Raises:
        InputError: they are not numbers in [0, 1], or not one list of them.
    """
    p = np.asarray(p_values, dtype=np.float64)
    if p.ndim != 1 or not ((p >= 0) & (p <= 1)).all():
        raise InputError(f"p-values of shape {p.shape} hold something that is not in [0, 1]")
    order = np.argsort(p, kind="stable")
    corrected = np.empty_like(p)
    corrected[order] = np.minimum(1.0, np.maximum.accumulate(p[order] * (len(p) - np.arange(len(p)))))
    return corrected


def paired_tests(
    values: Mapping[str, ArrayLike],
    pairs: Sequence[tuple[str, str]],
    *,
    clusters: NDArray[np.int64] | None = None,
    flips: int = FLIPS,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> list[PairedTest]:
    """Test pairs of systems on one measure; they are one family.

    Args:
        values: system -> ``(n_queries,)``, the same queries in the same order.
        pairs: which to compare; see `against` and `all_pairs`.
        clusters: ``(n_queries,)``, numbers of the dialogues that stay together; None parts all queries.
        flips: drawn sign assignments beyond 13 queries.
        resamples: of the bootstrap, for the intervals.
        seed: of both; the same input gives the same numbers.

    Raises:
        InputError: no query, values of different lengths or not finite, or a pair names no system.
    """
    options: dict[str, Any] = {"flips": flips, "resamples": resamples, "seed": seed}
    return paired_families({"": values}, pairs, clusters=clusters, **options)[""]


def paired_families(
    values: Mapping[str, Mapping[str, ArrayLike]],
    pairs: Sequence[tuple[str, str]],
    *,
    clusters: NDArray[np.int64] | None = None,
    flips: int = FLIPS,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict[str, list[PairedTest]]:
    """`paired_tests` on several measures of the same queries; the tests of each measure are one family.

    Args:
        values: measure -> system -> ``(n_queries,)``.

    Raises:
        InputError: as `paired_tests`.
    """
    if not pairs or not values:
        return {measure: [] for measure in values}
    names = list(dict.fromkeys(name for pair in pairs for name in pair))
    tables = [_table(systems, names) for systems in values.values()]
    if len({len(table) for table in tables}) > 1:
        raise InputError(f"measures have values of {[len(table) for table in tables]} queries; expected one")
    at = {name: column for column, name in enumerate(names)}
    left = np.array([at[one] + len(names) * i for i in range(len(tables)) for one, _ in pairs])
    right = np.array([at[other] + len(names) * i for i in range(len(tables)) for _, other in pairs])
    table, sizes, _ = cluster_sums(np.hstack(tables), clusters)
    test = _limits if len(table) > _MANY else _sign_flips
    p = test(table, left, right, flips, seed)
    low, high = _intervals(table, sizes, left, right, resamples, seed)
    found = {}
    for i, measure in enumerate(values):
        part = slice(i * len(pairs), (i + 1) * len(pairs))
        corrected = holm(p[part])
        found[measure] = [
            _test(pair, tables[i][:, at[pair[0]]] - tables[i][:, at[pair[1]]], *numbers)
            for pair, *numbers in zip(pairs, low[part], high[part], p[part], corrected, strict=True)
        ]
    return found


def _test(
    pair: tuple[str, str], difference: Floats, low: float, high: float, p: float, p_holm: float
) -> PairedTest:
    above, below = int((difference > 1e-12).sum()), int((difference < -1e-12).sum())
    return PairedTest(
        *pair,
        n=len(difference),
        mean=float(difference.mean()),
        low=float(low),
        high=float(high),
        p=float(p),
        p_holm=float(p_holm),
        wins=above,
        ties=len(difference) - above - below,
        losses=below,
    )


def _table(values: Mapping[str, ArrayLike], names: Sequence[str]) -> Floats:
    """``(n_queries, n_systems)``."""
    if unknown := [name for name in names if name not in values]:
        raise InputError(f"there is no system {unknown[0]!r} to test; there are {', '.join(values)}")
    columns = [np.asarray(values[name], dtype=np.float64) for name in names]
    for name, column in zip(names, columns, strict=True):
        if column.ndim != 1 or not len(column) or column.shape != columns[0].shape:
            raise InputError(
                f"{name!r} has values of shape {column.shape}, {names[0]!r} of {columns[0].shape}; "
                "expected one a query, the same queries for all, at least one"
            )
        if not np.isfinite(column).all():
            raise InputError(f"{name!r} has a value that is not finite")
    return np.stack(columns, axis=1)


def _sign_flips(
    table: Floats, left: NDArray[np.int64], right: NDArray[np.int64], flips: int, seed: int
) -> Floats:
    """Two-sided p by pair. Sums under flipped signs are kept by system: a pair's is their difference."""
    total = table.sum(axis=0)
    # one part in 1e9: sums that differ only by rounding are as extreme as each other
    observed = np.abs(total[left] - total[right]) - 1e-9
    hits, drawn = np.zeros(len(left)), 0
    exact = len(table) <= _EXACT
    for flipped in _all_signs(len(table)) if exact else _drawn_signs(len(table), flips, seed):
        sums = total - 2 * (flipped @ table)
        hits += (np.abs(sums[:, left] - sums[:, right]) >= observed).sum(axis=0)
        drawn += len(flipped)
    return np.asarray(hits / drawn if exact else (hits + 1) / (drawn + 1))


def _limits(
    table: Floats, left: NDArray[np.int64], right: NDArray[np.int64], flips: int, seed: int
) -> Floats:
    """The same p where queries are many."""
    found = np.empty(len(left))
    for i, (one, other) in enumerate(zip(left, right, strict=True)):
        difference = table[:, one] - table[:, other]
        difference = difference[np.abs(difference) > 1e-12]
        if len(difference) >= _NORMAL:
            spread = math.sqrt(float(difference @ difference))
            found[i] = math.erfc(abs(float(difference.sum())) / spread / math.sqrt(2))
        elif len(difference):
            pair = np.stack([difference, np.zeros(len(difference))], axis=1)
            found[i] = _sign_flips(pair, np.array([0]), np.array([1]), flips, seed)[0]
        else:
            found[i] = 1.0
    return found


def _all_signs(n: int) -> Iterator[Floats]:
    yield ((np.arange(2**n)[:, None] >> np.arange(n)) & 1).astype(np.float64)


def _drawn_signs(n: int, flips: int, seed: int) -> Iterator[Floats]:
    """1 where the sign is turned, ``(chunk, n)`` at a time."""
    rng = np.random.default_rng(seed)
    width = -(-n // 8)
    step = max(1, _CELLS // n)
    for start in range(0, flips, step):
        size = min(step, flips - start)
        # row by row from one stream, so that the size of a block changes nothing
        bits = np.frombuffer(rng.bytes(size * -(-width // 4) * 4), dtype=np.uint8).reshape(size, -1)
        yield np.unpackbits(bits, axis=1, count=n).astype(np.float64)


def _intervals(
    table: Floats, sizes: Floats, left: NDArray[np.int64], right: NDArray[np.int64], resamples: int, seed: int
) -> tuple[Floats, Floats]:
    means = np.empty((resamples, table.shape[1]))
    for part, counts in draw_counts(len(table), resamples, seed):
        means[part] = counts @ table / (counts @ sizes)[:, None]
    low, high = np.percentile(np.round(means[:, left] - means[:, right], 12), [2.5, 97.5], axis=0)
    return low, high
