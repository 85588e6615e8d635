"""The same lists through two more libraries, ranx and trec_eval's own code; where they differ with ties."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest

from eval.measures import compute
from eval.metrics import ndcg_at_k, reciprocal_rank

pytrec_eval = pytest.importorskip("pytrec_eval")

NAMES = [
    "P@1", "P@3", "P@5", "R@1", "R@2", "R@5", "Hit@1", "Hit@5", "AP", "AP@5", "RR", "RR@5", "nDCG@10", "nDCG"
]  # fmt: skip
TREC = {"P": "P", "R": "recall", "Hit": "success", "nDCG": "ndcg_cut", "AP": "map_cut"}
RANX = {"P": "precision", "R": "recall", "Hit": "hit_rate", "nDCG": "ndcg", "AP": "map", "RR": "mrr"}

ASK_RANX = """
import json, sys, ranx
asked, names = json.load(sys.stdin)
answers = [
    ranx.evaluate(ranx.Qrels(relevant), ranx.Run(run), names, return_mean=False, threads=1)
    for relevant, run in asked
]
print(json.dumps([{name: values.tolist() for name, values in found.items()} for found in answers]))
"""


def lists(seed, *, q=250, n=40, grades=(0, 1)):
    """Scores without ties and grades; every list has something relevant."""
    rng = np.random.default_rng(seed)
    scores = rng.permuted(np.tile(np.linspace(-1, 1, n), (q, 1)), axis=1)
    relevance = np.where(rng.random((q, n)) < rng.random((q, 1)), rng.choice(grades, (q, n)), 0)
    relevance[np.arange(q), rng.integers(0, n, q)] = max(grades)
    return scores, relevance


def as_dictionaries(scores, relevance):
    qrels = {f"q{q:03}": {f"d{i}": int(v) for i, v in enumerate(row)} for q, row in enumerate(relevance)}
    run = {f"q{q:03}": {f"d{i}": float(v) for i, v in enumerate(row)} for q, row in enumerate(scores)}
    return qrels, run


@pytest.mark.parametrize("grades", [(0, 1), (0, 1, 2, 3)], ids=["binary", "graded"])
def test_trec_evals_code(grades):
    scores, relevance = lists(1, grades=grades)
    qrels, run = as_dictionaries(scores, relevance)
    wanted = {
        "P.1,3,5",
        "recall.1,2,5",
        "success.1,5",
        "map",
        "map_cut.5",
        "recip_rank",
        "ndcg_cut.10",
        "ndcg",
    }
    theirs = pytrec_eval.RelevanceEvaluator(qrels, wanted).evaluate(run)
    names = [name for name in NAMES if name != "RR@5"]
    for name, values in compute(scores, relevance, names).items():
        kind, _, cut = name.partition("@")
        key = f"{TREC[kind]}_{cut}" if cut else {"AP": "map", "RR": "recip_rank", "nDCG": "ndcg"}[name]
        expected = [theirs[f"q{q:03}"][key] for q in range(len(scores))]
        np.testing.assert_allclose(values, expected, rtol=0, atol=1e-9, err_msg=name)


def test_ranx():
    if find_spec("ranx") is None:
        pytest.skip("ranx is not installed")
    keys = {name: RANX[name.partition("@")[0]] + name[len(name.partition("@")[0]) :] for name in NAMES}
    worlds = [lists(2), lists(3, grades=(0, 1, 2, 3))]
    asked = []
    for scores, relevance in worlds:
        qrels, run = as_dictionaries(scores, relevance)
        # its judgements may only hold what is relevant
        asked.append([{q: {d: g for d, g in found.items() if g} for q, found in qrels.items()}, run])
    done = subprocess.run(
        [sys.executable, "-c", ASK_RANX],
        input=json.dumps([asked, list(keys.values())]),
        # compiling takes minutes, interpreting a second
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    answers = json.loads(done.stdout.splitlines()[-1])
    for (scores, relevance), theirs in zip(worlds, answers, strict=True):
        for name, values in compute(scores, relevance, NAMES).items():
            np.testing.assert_allclose(values, theirs[keys[name]], rtol=0, atol=1e-9, err_msg=name)


def test_a_constant_scorer_gets_chance_here_and_anything_elsewhere():
    """Ten tied candidates, the gold anywhere: our rule does not look at its place, theirs do."""
    ours, theirs = set(), set()
    for gold in range(10):
        relevance = np.arange(10) == gold
        ours.add(round(float(reciprocal_rank(np.zeros(10), relevance)[0]), 12))
        qrels, run = as_dictionaries(np.zeros((1, 10)), relevance[None].astype(int))
        theirs.add(pytrec_eval.RelevanceEvaluator(qrels, {"recip_rank"}).evaluate(run)["q000"]["recip_rank"])
    assert ours == {round(sum(1 / i for i in range(1, 11)) / 10, 12)}  # .2929, the mean over all orders
    assert theirs == {1 / i for i in range(1, 11)}  # by the document's name


def test_ties_against_trec_evals_code_averaged_over_names():
    """Documents are named at random many times: the mean over the names is our value."""
    rng = np.random.default_rng(3)
    n, draws = 12, 4000
    scores = rng.integers(0, 4, n).astype(float)
    relevance = rng.choice([0, 0, 1, 3], n)
    relevance[0] = 1
    names = np.array([rng.permutation(n) for _ in range(draws)])
    qrels = {
        str(q): {f"d{k:02}": int(v) for k, v in zip(row, relevance, strict=True)}
        for q, row in enumerate(names)
    }
    run = {
        str(q): {f"d{k:02}": float(v) for k, v in zip(row, scores, strict=True)}
        for q, row in enumerate(names)
    }
    theirs = pytrec_eval.RelevanceEvaluator(qrels, {"ndcg_cut.5", "map", "recip_rank", "P.5"}).evaluate(run)
    keys = {"nDCG@5": "ndcg_cut_5", "AP": "map", "RR": "recip_rank", "P@5": "P_5"}
    for name, values in compute(scores, relevance, list(keys)).items():
        drawn = np.array([theirs[str(q)][keys[name]] for q in range(draws)])
        assert abs(values[0] - drawn.mean()) <= 5 * drawn.std() / np.sqrt(draws) + 1e-9, name
        assert drawn.std() > 0


def test_ndcg_by_hand():
    scores, relevance = [4.0, 3.0, 2.0, 1.0], [0, 2, 0, 1]
    gain = 2 / np.log2(3) + 1 / np.log2(5)  # ranks 2 and 4
    best = 2 / np.log2(2) + 1 / np.log2(3)
    assert ndcg_at_k(scores, relevance) == pytest.approx(gain / best)
    assert ndcg_at_k(scores, relevance, 2) == pytest.approx((2 / np.log2(3)) / best)
    assert ndcg_at_k(scores, relevance, 1) == 0.0
    # two items tied at ranks 1 and 2, grades 2 and 1: either order half of the time
    tied = ndcg_at_k([5.0, 5.0], [2, 1])
    assert tied == pytest.approx((1 + (1 + 2 / np.log2(3)) / best) / 2)
    assert ndcg_at_k([5.0, 5.0], [2, 1], ties="optimistic") == 1.0
    assert ndcg_at_k([5.0, 5.0], [2, 1], ties="pessimistic") == pytest.approx((1 + 2 / np.log2(3)) / best)
    # three more relevant documents that are not ranked; the best order holds five
    ideal = sum(1 / np.log2(i + 1) for i in range(1, 6))
    assert ndcg_at_k([2.0, 1.0], [1, 1], n_relevant=5) == pytest.approx((1 + 1 / np.log2(3)) / ideal)
