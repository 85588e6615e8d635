"""Run files of any tool against one qrels file: means with intervals, and paired tests between the runs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from eval.judging import JudgeTies, Lists, judge_lists, trec_order
from eval.measures import Measure, our_name, parse_measure
from eval.paired import FLIPS, against, all_pairs, paired_families
from eval.run_columns import Judgements, RunColumns, read_judgements, read_run_columns
from eval.run_results import RunScore, RunScores
from eval.significance import RESAMPLES, intervals
from retriever.errors import InputError

__all__ = ["DEFAULT_MEASURES", "score_runs"]

DEFAULT_MEASURES = ("P@1", "P@3", "P@5", "R@1", "R@2", "R@5", "AP", "RR", "nDCG@10")


def score_runs(
    qrels: Path,
    runs: Sequence[Path],
    measures: Sequence[str] = DEFAULT_MEASURES,
    *,
    baselines: Sequence[Path] = (),
    ties: JudgeTies = "expected",
    flips: int = FLIPS,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> RunScores:
    """Score run files.

    One run is in memory at a time, some 30 bytes a row (and the documents' ids for the tie rule ``trec``);
    the qrels are there all the time.

    Args:
        qrels: judgements; TREC's format, as are the runs.
        runs: at least one.
        measures: names (`eval.measures.parse_measure`), or trec_eval's.
        baselines: runs to test the others against; scored too. Without any, every two runs are tested.
        ties: how equal scores are judged.
        flips, resamples, seed: of the tests and intervals.

    Raises:
        InputError: a file that cannot be used (says which line and why), a run given twice, an unknown
            measure, or qrels without any relevant document.
    """
    parsed = [parse_measure(our_name(name)) for name in dict.fromkeys(measures)]
    if not parsed or not runs:
        raise InputError("got no run file or no measure; expected at least one of each")
    names = _names([*runs, *(path for path in baselines if path not in runs)])
    judged = read_judgements(qrels)
    pools = {
        query: sorted((g for g in grades.values() if g), reverse=True) for query, grades in judged.items()
    }
    queries = [query for query, pool in pools.items() if pool]
    if not queries:
        raise InputError(f"{qrels} holds no relevant document for any of its {len(judged)} queries")
    scored = [_score(path, name, judged, queries, pools, parsed, ties) for path, name in names.items()]
    values = {measure.name: {run.name: run.values[measure.name] for run in scored} for measure in parsed}
    against_names = [names[path] for path in dict.fromkeys(baselines)]
    pairs = against(list(names.values()), against_names) if baselines else all_pairs(list(names.values()))
    return RunScores(
        qrels=str(qrels),
        ties=ties,
        queries=tuple(_whole(query) for query in queries),
        n_relevant=tuple(len(pools[query]) for query in queries),
        without_relevant=tuple(_whole(query) for query, pool in pools.items() if not pool),
        runs=tuple(_with_intervals(scored, parsed, resamples, seed)),
        tests=paired_families(values, pairs, flips=flips, resamples=resamples, seed=seed) if pairs else {},
        flips=flips,
        resamples=resamples,
        seed=seed,
    )


def _score(
    path: Path,
    name: str,
    judged: Judgements,
    queries: Sequence[bytes],
    pools: Mapping[bytes, Sequence[int]],
    measures: Sequence[Measure],
    ties: JudgeTies,
) -> RunScore:
    run = read_run_columns(path, judged, documents=ties == "trec")
    lists, n_unjudged = _lists(run, queries, pools, ties)
    values = judge_lists(lists, measures, ties)
    return RunScore(
        name=name,
        path=str(path),
        tag=run.tag,
        n_rows=len(run.score),
        missing=tuple(_whole(query) for query, n in zip(queries, lists.length, strict=True) if not n),
        unjudged=tuple(_whole(query) for query in run.queries if query not in judged),
        without_relevant=sum(query in pools and not pools[query] for query in run.queries),
        n_unjudged_documents=n_unjudged,
        mean={},
        values=values,
    )


def _lists(
    run: RunColumns, queries: Sequence[bytes], pools: Mapping[bytes, Sequence[int]], ties: JudgeTies
) -> tuple[Lists, int]:
    """The run's rows by query, and how many documents of these queries have no judgement."""
    at = {query: place for place, query in enumerate(queries)}
    place = np.array([at.get(query, -1) for query in run.queries], dtype=np.int64)[run.query]
    rows = np.flatnonzero(place >= 0)
    if (np.diff(place[rows]) < 0).any():
        rows = rows[np.argsort(place[rows], kind="stable")]
    score, grade, place = run.score[rows], run.grade[rows], place[rows]
    if run.documents is not None:
        score = trec_order(place, score, [run.documents[row] for row in rows])
    sizes = np.array([len(pools[query]) for query in queries], dtype=np.int64)
    lists = Lists.aligned(
        length=np.bincount(place, minlength=len(queries)),
        score=score,
        grade=np.maximum(grade, 0),
        pool_length=sizes,
        pool_grade=np.array([grade for query in queries for grade in pools[query]], dtype=np.int64),
    )
    return lists, int((grade < 0).sum())


def _with_intervals(
    runs: Sequence[RunScore], measures: Sequence[Measure], resamples: int, seed: int
) -> Iterator[RunScore]:
    table = np.stack([run.values[measure.name] for run in runs for measure in measures], axis=1)
    found = intervals(table, resamples=resamples, seed=seed)
    for at, run in enumerate(runs):
        part = found[at * len(measures) : (at + 1) * len(measures)]
        mean = {measure.name: interval for measure, interval in zip(measures, part, strict=True)}
        yield replace(run, mean=mean)


def _names(paths: Sequence[Path]) -> dict[Path, str]:
    """A short name for each file, no two the same."""
    if len(set(paths)) < len(paths):
        twice = next(path for path in paths if paths.count(path) > 1)
        raise InputError(f"{twice} is given twice; expected every run once")
    short = {path: path.name.removesuffix(".gz").removesuffix(".run").removesuffix(".txt") for path in paths}
    taken = list(short.values())
    return {path: name if taken.count(name) == 1 else str(path) for path, name in short.items()}


def _whole(word: bytes) -> str:
    return word.decode("utf-8", "backslashreplace")
