"""A run against its qrels: one value a judged query, none left out."""

from collections.abc import Sequence
from dataclasses import dataclass

from eval.measures import parse_measure
from eval.metrics.ranked import Ties, rank
from eval.runs import Qrels, Run
from retriever.errors import InputError

__all__ = ["Judged", "judge"]


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


def judge(qrels: Qrels, run: Run, measures: Sequence[str], ties: Ties = "expected") -> Judged:
    """Compute measures of a run.

    Denominators count every relevant document of the qrels, ranked or not; one without judgement is not
    relevant. Means are left to the caller (`eval.metrics.mean`).

    Args:
        qrels: query -> document -> relevance; above 0 is relevant.
        run: query -> document -> score.
        measures: names (`eval.measures.parse_measure`).

    Raises:
        InputError: an unknown measure, a score that is not finite, or qrels without any relevant document.
    """
    parsed = [parse_measure(name) for name in measures]
    judged = {query: sum(grade > 0 for grade in grades.values()) for query, grades in qrels.items()}
    queries = [query for query, total in judged.items() if total]
    if not queries:
        raise InputError("the qrels hold no relevant document for any query")
    values: dict[str, dict[str, float]] = {measure.name: {} for measure in parsed}
    for query in queries:
        scores = run.get(query)
        if scores:
            relevance = [qrels[query].get(document, 0) > 0 for document in scores]
            lists = rank(list(scores.values()), relevance, ties, judged[query])
        for measure in parsed:
            values[measure.name][query] = float(measure.of(lists)[0]) if scores else 0.0
    return Judged(
        values,
        missing=tuple(query for query in queries if not run.get(query)),
        without_relevant=tuple(query for query, total in judged.items() if not total),
        unjudged=tuple(query for query in run if query not in qrels),
    )
