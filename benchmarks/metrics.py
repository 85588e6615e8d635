"""Measuring alone: ours against ranx, pytrec-eval-terrier and ir-measures on the same lists, in one process.

Every library is handed what it works on: ours two arrays (scores and relevance, query by item), the others
dictionaries or what they make of them. Making that out of the arrays is its own column, since whose data lie
how is not the library's doing; for ranx it holds the sorting, which the others do when they measure. `ours,
dictionaries` is `eval.judging.judge`, which takes what the others take. The libraries take turns; a round
before the first warms up (ranx compiles in it, minutes the first time on a machine). Ratios are to ours, turn
by turn. Values are compared before anything is timed.
"""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

from eval.judging import judge
from eval.measures import compute

NAMES = ["P@1", "P@3", "P@5", "R@1", "R@2", "R@5", "AP", "RR", "nDCG@10"]
TREC = {"P.1,3,5", "recall.1,2,5", "map", "recip_rank", "ndcg_cut.10"}
RANX = [
    "precision@1",
    "precision@3",
    "precision@5",
    "recall@1",
    "recall@2",
    "recall@5",
    "map",
    "mrr",
    "ndcg@10",
]


@dataclass
class Contender:
    """A library with its data in hand."""

    name: str
    converted_s: float
    measure: Callable[[], dict[str, float]]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--relevant", type=int, default=100, help="relevant items a query of the long lists")
    parser.add_argument("--only", choices=("short", "long"), help="10,000 x 10, or 1,000 x 10,000")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if arguments.only != "long":
        compare(10_000, 10, 1, arguments.rounds, arguments.json)
    if arguments.only != "short":
        compare(1_000, 10_000, arguments.relevant, arguments.rounds, arguments.json)


def compare(n_queries: int, n_items: int, n_relevant: int, rounds: int, as_json: bool) -> None:
    """One table: every library on lists of one size, scores without ties."""
    rng = np.random.default_rng(0)
    scores = rng.permuted(np.tile(np.linspace(-1, 1, n_items), (n_queries, 1)), axis=1)
    relevance = np.zeros((n_queries, n_items), dtype=bool)
    for row in relevance:
        row[rng.choice(n_items, n_relevant, replace=False)] = True
    contenders = [make(scores, relevance) for make in (ours, ranx, pytrec_eval, ir_measures, from_dicts)]
    expected = contenders[0].measure()
    for contender in contenders[1:]:
        found = contender.measure()
        worst = max(abs(found[name] - expected[name]) for name in NAMES)
        assert worst < 1e-6, f"{contender.name} differs by {worst}"
    wall: dict[str, list[float]] = {contender.name: [] for contender in contenders}
    cpu: dict[str, list[float]] = {contender.name: [] for contender in contenders}
    for _ in range(rounds):
        for contender in contenders:
            start, start_cpu = time.perf_counter(), time.process_time()
            contender.measure()
            wall[contender.name].append(time.perf_counter() - start)
            cpu[contender.name].append(time.process_time() - start_cpu)
    first = contenders[0].name
    if not as_json:
        print(f"\n{n_queries:,} queries x {n_items:,} items, {n_relevant} relevant; {len(NAMES)} measures")
        print(f"{'':22}{'measure':>12}{'cpu':>12}{'ratio':>8}{'cpu ratio':>11}{'convert first':>15}")
    for contender in contenders:
        row = {
            "queries": n_queries,
            "items": n_items,
            "relevant": n_relevant,
            "library": contender.name,
            "measure_s": median(wall[contender.name]),
            "cpu_s": median(cpu[contender.name]),
            "ratio": median(t / o for t, o in zip(wall[contender.name], wall[first], strict=True)),
            "cpu_ratio": median(t / o for t, o in zip(cpu[contender.name], cpu[first], strict=True)),
            "convert_s": contender.converted_s,
        }
        if as_json:
            print(json.dumps(row))
        else:
            print(
                f"{row['library']:22}{1000 * row['measure_s']:9,.1f} ms{1000 * row['cpu_s']:9,.1f} ms"
                f"{row['ratio']:8.1f}{row['cpu_ratio']:11.1f}{1000 * row['convert_s']:12,.1f} ms"
            )


def ours(scores: Any, relevance: Any) -> Contender:
    def measure() -> dict[str, float]:
        return {name: float(values.mean()) for name, values in compute(scores, relevance, NAMES).items()}

    return Contender("ours, arrays", 0.0, measure)


def from_dicts(scores: Any, relevance: Any) -> Contender:
    qrels, run, took = dictionaries(scores, relevance)

    def measure() -> dict[str, float]:
        found = judge(qrels, run, NAMES).values
        return {name: float(np.mean(list(values.values()))) for name, values in found.items()}

    return Contender("ours, dictionaries", took, measure)


def ranx(scores: Any, relevance: Any) -> Contender:
    import ranx

    qrels, run, took = dictionaries(scores, relevance)
    few = list(qrels)[:8]  # compiles what converting needs
    ranx.Qrels({query: qrels[query] for query in few}), ranx.Run({query: run[query] for query in few})
    start = time.perf_counter()
    their_qrels, their_run = ranx.Qrels(qrels), ranx.Run(run)
    took += time.perf_counter() - start

    def measure() -> dict[str, float]:
        found = ranx.evaluate(their_qrels, their_run, RANX, return_mean=False)
        return {name: float(found[key].mean()) for name, key in zip(NAMES, RANX, strict=True)}

    return Contender("ranx", took, measure)


def pytrec_eval(scores: Any, relevance: Any) -> Contender:
    import pytrec_eval

    qrels, run, took = dictionaries(scores, relevance)
    start = time.perf_counter()
    evaluator = pytrec_eval.RelevanceEvaluator(qrels, TREC)
    took += time.perf_counter() - start
    keys = {
        **{f"P@{k}": f"P_{k}" for k in (1, 3, 5)},
        **{f"R@{k}": f"recall_{k}" for k in (1, 2, 5)},
        "AP": "map",
        "RR": "recip_rank",
        "nDCG@10": "ndcg_cut_10",
    }

    def measure() -> dict[str, float]:
        found = evaluator.evaluate(run)
        return {
            name: sum(values[key] for values in found.values()) / len(found) for name, key in keys.items()
        }

    return Contender("pytrec-eval-terrier", took, measure)


def ir_measures(scores: Any, relevance: Any) -> Contender:
    import ir_measures

    qrels, run, took = dictionaries(scores, relevance)
    start = time.perf_counter()
    measures = [ir_measures.parse_measure(name) for name in NAMES]
    evaluator = ir_measures.evaluator(measures, qrels)
    took += time.perf_counter() - start

    def measure() -> dict[str, float]:
        total = dict.fromkeys(NAMES, 0.0)
        for metric in evaluator.iter_calc(run):
            total[str(metric.measure)] += metric.value
        return {name: value / len(qrels) for name, value in total.items()}

    return Contender("ir-measures", took, measure)


_MADE: dict[tuple[int, ...], tuple[Any, Any, float]] = {}


def dictionaries(scores: Any, relevance: Any) -> tuple[Any, Any, float]:
    """Judgements (relevant items alone), run, and the seconds it took; made once and shared."""
    if scores.shape not in _MADE:
        _MADE.clear()
        start = time.perf_counter()
        names = [f"d{i}" for i in range(scores.shape[1])]
        qrels = {
            f"q{q}": {names[i]: 1 for i in np.flatnonzero(row).tolist()} for q, row in enumerate(relevance)
        }
        run = {f"q{q}": dict(zip(names, row.tolist(), strict=True)) for q, row in enumerate(scores)}
        _MADE[scores.shape] = qrels, run, time.perf_counter() - start
    return _MADE[scores.shape]


if __name__ == "__main__":
    main()
