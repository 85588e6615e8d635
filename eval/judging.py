"""A run against its qrels: one value a judged query, none left out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Literal, Self, get_args

import numpy as np
from numpy.typing import NDArray

from eval.measures import Measure, parse_measure
from eval.metrics.ranked import Floats, Ints, Ties, rank_found
from eval.runs import Qrels, Run
from retriever.errors import InputError

__all__ = ["JudgeTies", "Judged", "Lists", "judge", "judge_lists", "trec_order"]

JudgeTies = Literal["expected", "mean", "optimistic", "pessimistic", "trec"]
"""`eval.metrics.ranked.Ties`, or ``trec``: as trec_eval orders. It keeps scores in single precision, so that
two which differ by less than about 1e-7 of their size are tied, and puts the greater document id first, byte
by byte.
"""

# A block of lists holds about this many scores.
_CELLS = 1 << 19


@dataclass(frozen=True, slots=True)
class Judged:
    """What a run is worth, query by query.

    Attributes:
        values: measure -> query -> value, for every query that has a relevant document.
        missing: judged queries that the run has nothing for; they stand in `values` with 0.
        without_relevant: queries of the qrels in which nothing is relevant; not in `values`.
        unjudged: queries of the run that the qrels do not know; not in `values`.
    """

    values: dict[str, dict[str, float]]
    missing: tuple[str, ...]
    without_relevant: tuple[str, ...]
    unjudged: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Lists:
    """Ranked lists of any lengths, one after the other; `aligned` makes them of grades beside the scores.

    Attributes:
        length: ``(q,)``, of each list; 0 for one without results.
        score: ``(n,)``, list by list, in any order; finite.
        found_length: ``(q,)``, relevant items in each list.
        found_score, found_grade: ``(f,)``, theirs, list by list; grades above 0.
        pool_length: ``(q,)``, relevant items of each pool, at least 1.
        pool_grade: their grades, pool by pool, the highest first.
    """

    length: Ints
    score: Floats
    found_length: Ints
    found_score: Floats
    found_grade: Ints
    pool_length: Ints
    pool_grade: Ints

    @classmethod
    def aligned(cls, length: Ints, score: Floats, grade: Ints, pool_length: Ints, pool_grade: Ints) -> Self:
        """Of ``grade``, ``(n,)``: that of each item in `score`, 0 for what is not relevant."""
        at = np.flatnonzero(grade)
        found = np.bincount(np.searchsorted(np.cumsum(length), at, side="right"), minlength=len(length))
        return cls(length, score, found, score[at], grade[at], pool_length, pool_grade)


def judge(qrels: Qrels, run: Run, measures: Sequence[str], ties: JudgeTies = "expected") -> Judged:
    """Compute measures of a run.

    Denominators count every relevant document of the qrels, ranked or not; one without judgement is not
    relevant. Means are left to the caller (`eval.metrics.mean`).

    Args:
        qrels: query -> document -> relevance; above 0 is relevant.
        run: query -> document -> score.
        measures: names (`eval.measures.parse_measure`).
        ties: how equal scores are judged.

    Raises:
        InputError: an unknown measure or tie rule, a score that is not finite, or qrels without any
            relevant document.
    """
    parsed = [parse_measure(name) for name in measures]
    relevant = {query: {doc: g for doc, g in grades.items() if g > 0} for query, grades in qrels.items()}
    queries = [query for query, grades in relevant.items() if grades]
    if not queries:
        raise InputError("the qrels hold no relevant document for any query")
    lists = _lists(queries, relevant, run, ties)
    found_values = judge_lists(lists, parsed, ties)
    return Judged(
        {name: dict(zip(queries, values.tolist(), strict=True)) for name, values in found_values.items()},
        missing=tuple(query for query in queries if not run.get(query)),
        without_relevant=tuple(query for query, grades in relevant.items() if not grades),
        unjudged=tuple(query for query in run if query not in qrels),
    )


def _lists(
    queries: Sequence[str], relevant: Mapping[str, Mapping[str, int]], run: Run, ties: JudgeTies
) -> Lists:
    """A run's lists for these queries. Relevant documents are looked up, not those that are ranked: fewer."""
    nothing: Mapping[str, float] = {}
    found = [run.get(query, nothing) for query in queries]
    length = np.array([len(scores) for scores in found], dtype=np.int64)
    score = _finite(found, queries, length)
    grades = [relevant[query] for query in queries]
    pool_length = np.array([len(each) for each in grades], dtype=np.int64)
    pool_grade = np.array([g for each in grades for g in sorted(each.values(), reverse=True)], dtype=np.int64)
    if ties == "trec":  # its order follows from all ids, and its scores are places in it
        documents = [document.encode() for scores in found for document in scores]
        score = trec_order(np.repeat(np.arange(len(queries)), length), score, documents)
        pairs = zip(grades, found, strict=True)
        grade = [each.get(document, 0) for each, scores in pairs for document in scores]
        return Lists.aligned(length, score, np.array(grade, dtype=np.int64), pool_length, pool_grade)
    there = [[doc for doc in each if doc in scores] for each, scores in zip(grades, found, strict=True)]
    chosen = list(zip(there, grades, found, strict=True))
    return Lists(
        length,
        score,
        np.array([len(docs) for docs in there], dtype=np.int64),
        np.array([scores[doc] for docs, _, scores in chosen for doc in docs], dtype=np.float64),
        np.array([each[doc] for docs, each, _ in chosen for doc in docs], dtype=np.int64),
        pool_length,
        pool_grade,
    )


def judge_lists(lists: Lists, measures: Sequence[Measure], ties: JudgeTies) -> dict[str, Floats]:
    """Measures of lists, ``(q,)`` each; a list without results is worth 0.

    Args:
        ties: for ``trec``, scores have been through `trec_order`.

    Raises:
        InputError: an unknown tie rule, or one that a measure does not have.
    """
    if ties not in get_args(JudgeTies):
        raise InputError(f"tie rule is {ties!r}; expected one of {', '.join(get_args(JudgeTies))}")
    rule: Ties = "expected" if ties == "trec" else ties
    values = {measure.name: np.zeros(len(lists.length)) for measure in measures}
    ends, pool_ends = np.cumsum(lists.length), np.cumsum(lists.pool_length)
    found_ends = np.cumsum(lists.found_length)
    graded = bool((lists.pool_grade != 1).any())
    for rows in _blocks(lists.length):
        within = np.arange(int(lists.length[rows].max())) < lists.length[rows, None]
        cells = _runs(ends[rows] - lists.length[rows], lists.length[rows])
        score = np.full(within.shape, -np.inf)
        score[within] = lists.score[cells]
        sizes = lists.found_length[rows]
        query = np.repeat(np.arange(len(rows)), sizes)
        found = _runs(found_ends[rows] - sizes, sizes)
        pool = None
        if graded:
            sizes = lists.pool_length[rows]
            graded_cells = _runs(pool_ends[rows] - sizes, sizes)
            pool = np.repeat(np.arange(len(rows)), sizes), lists.pool_grade[graded_cells].astype(np.float64)
        ranked = rank_found(
            score,
            query,
            lists.found_score[found],
            lists.found_grade[found],
            lists.pool_length[rows],
            pool,
            rule,
        )
        for measure in measures:
            values[measure.name][rows] = measure.of(ranked)
    return values


def trec_order(of_list: NDArray[np.int64], score: Floats, documents: Sequence[bytes]) -> Floats:
    """Scores without ties, in the order in which trec_eval ranks within each list.

    Args:
        of_list: ``(n,)``, which list each document is in.
        score: ``(n,)``.
        documents: their ids.

    Returns:
        Whole numbers, ``(n,)``; higher is better.
    """
    with np.errstate(over="ignore"):
        single = score.astype(np.float32)
    order = np.lexsort((single, of_list))
    tied = (np.diff(single[order]) == 0) & (np.diff(of_list[order]) == 0)
    # the ids matter only where scores are equal; of those a number in byte order is enough
    among = np.zeros(len(order), dtype=bool)
    among[1:] |= tied
    among[:-1] |= tied
    name = np.zeros(len(order), dtype=np.int64)
    rows = order[among]
    numbers = {document: at for at, document in enumerate(sorted({documents[row] for row in rows}))}
    name[rows] = [numbers[documents[row]] for row in rows]
    place = np.empty(len(order))
    place[np.lexsort((name, single, of_list))] = np.arange(len(order))
    return place


def _finite(found: Sequence[Mapping[str, float]], queries: Sequence[str], length: Ints) -> Floats:
    """All scores, list by list, ``(n,)``."""
    each = chain.from_iterable(scores.values() for scores in found)
    try:
        values = np.fromiter(each, dtype=np.float64, count=int(length.sum()))
    except (TypeError, ValueError) as error:
        raise InputError(f"a run's scores are not numbers ({error})") from None
    if not np.isfinite(values).all():
        at = int(np.argmin(np.isfinite(values)))
        query = queries[int(np.searchsorted(np.cumsum(length), at, side="right"))]
        raise InputError(f"a score of query {query!r} is {values[at]}; expected a finite number")
    return values


def _blocks(length: Ints) -> Iterator[NDArray[np.intp]]:
    """Lists of about the same length together, those without results left out."""
    order = np.argsort(length, kind="stable")
    order = order[np.searchsorted(length[order], 1) :]
    at = 0
    while at < len(order):
        shortest = int(length[order[at]])
        # filled up by at most a quarter, and within memory
        end = int(np.searchsorted(length[order], shortest + shortest // 4, side="right"))
        end = min(end, at + max(1, _CELLS // (shortest + shortest // 4)))
        yield order[at:end]
        at = end


def _runs(start: Ints, size: Ints) -> Ints:
    """start, start + 1, ..., start + size - 1 for each, one after the other."""
    offset = np.repeat(start - (np.cumsum(size) - size), size)
    return np.asarray(np.arange(int(size.sum())) + offset)
