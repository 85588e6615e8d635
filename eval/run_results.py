"""What scoring run files found, as plain values, and as a table of single queries."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from eval.metrics.ranked import Floats
from eval.paired import PairedTest
from eval.runs import write_atomically
from eval.significance import Interval
from retriever.errors import InputError

__all__ = ["RunScore", "RunScores", "write_per_query"]


@dataclass(frozen=True, slots=True)
class RunScore:
    """One run.

    Attributes:
        name: the file's name without its suffixes, or its whole path where two share one.
        tag: what stands in the file's last column.
        n_rows: rows of the file.
        missing: judged queries that it has nothing for; they count as 0.
        unjudged: its queries that the qrels do not know; nothing is known of their worth, so they are left
            out.
        without_relevant: how many of its queries have judgements, but none that is relevant; left out.
        n_unjudged_documents: how many documents of counted queries have no judgement; they count as not
            relevant.
        mean: measure -> mean over queries with its 95 % interval.
        values: measure -> value a query, in the order of `RunScores.queries`.
    """

    name: str
    path: str
    tag: str
    n_rows: int
    missing: tuple[str, ...]
    unjudged: tuple[str, ...]
    without_relevant: int
    n_unjudged_documents: int
    mean: Mapping[str, Interval]
    values: Mapping[str, Floats]


@dataclass(frozen=True, slots=True)
class RunScores:
    """All runs, on the same queries.

    Attributes:
        qrels: the file.
        ties: how equal scores were judged.
        queries: those with a relevant document: all means are over these.
        n_relevant: ``(n_queries,)``, their relevant documents.
        without_relevant: queries of the qrels in which nothing is relevant, left out.
        runs: in the order given.
        tests: measure -> paired tests between runs; Holm's correction is over the tests of one measure.
        flips, resamples, seed: of the tests and intervals.
    """

    qrels: str
    ties: str
    queries: tuple[str, ...]
    n_relevant: tuple[int, ...]
    without_relevant: tuple[str, ...]
    runs: tuple[RunScore, ...]
    tests: Mapping[str, Sequence[PairedTest]]
    flips: int
    resamples: int
    seed: int

    def as_dict(self) -> dict[str, Any]:
        """Everything but the single queries, as JSON values."""
        runs = [
            {
                "name": run.name,
                "path": run.path,
                "tag": run.tag,
                "n_rows": run.n_rows,
                "n_missing": len(run.missing),
                "missing": list(run.missing),
                "n_unjudged": len(run.unjudged),
                "unjudged": list(run.unjudged),
                "n_without_relevant": run.without_relevant,
                "n_unjudged_documents": run.n_unjudged_documents,
                "mean": {
                    name: {"mean": value.mean, "low": value.low, "high": value.high}
                    for name, value in run.mean.items()
                },
            }
            for run in self.runs
        ]
        return {
            "qrels": self.qrels,
            "ties": self.ties,
            "n_queries": len(self.queries),
            "n_without_relevant": len(self.without_relevant),
            "without_relevant": list(self.without_relevant),
            "runs": runs,
            "tests": {name: [asdict(test) for test in tests] for name, tests in self.tests.items()},
            "flips": self.flips,
            "resamples": self.resamples,
            "seed": self.seed,
        }


def write_per_query(path: Path, scores: RunScores) -> None:
    """One line a run and query, as CSV; every measure with all its digits.

    Raises:
        InputError: it cannot be written there.
    """
    measures = list(scores.runs[0].values)

    def rows() -> Iterator[str]:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["run", "query", "relevant", "missing", *measures])
        for run in scores.runs:
            missing = set(run.missing)
            columns = [run.values[name].tolist() for name in measures]
            for query, n, *found in zip(scores.queries, scores.n_relevant, *columns, strict=True):
                writer.writerow([run.name, query, n, int(query in missing), *map(repr, found)])
                if text.tell() > 1 << 16:
                    yield text.getvalue()
                    text.seek(0)
                    text.truncate()
        yield text.getvalue()

    try:
        write_atomically(path, rows())
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}") from None
