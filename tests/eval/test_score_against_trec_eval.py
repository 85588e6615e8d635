"""Run files through `score_runs` and through trec_eval's library: the same to 1e-6, ties and all."""

import gzip

import numpy as np
import pytest

from eval.run_scores import score_runs

pytrec_eval = pytest.importorskip("pytrec_eval")

OURS = {
    "P@1": "P_1", "P@5": "P_5", "R@5": "recall_5", "R@10": "recall_10", "Hit@1": "success_1",
    "Hit@5": "success_5", "AP": "map", "AP@5": "map_cut_5", "RR": "recip_rank",
    "nDCG": "ndcg", "nDCG@5": "ndcg_cut_5", "nDCG@10": "ndcg_cut_10",
}  # fmt: skip
WANTED = {
    "P.1,5", "recall.5,10", "success.1,5", "map", "map_cut.5", "recip_rank", "ndcg", "ndcg_cut.5,10",
}  # fmt: skip
ALPHABET = np.array(["a", "B", "z", "é", "表", "-", "10", "9", "~", "𝒳"])


def make_world(rng, *, tied, grades):
    """(qrels, run) with unjudged documents, unranked relevant ones, and queries on one side only."""
    qrels, run = {}, {}
    for q in range(60):
        names = list({"".join(rng.choice(ALPHABET, int(rng.integers(1, 5)))) for _ in range(40)})
        judged = rng.permutation(names)[: int(rng.integers(3, 20))]
        qrels[f"q{q}"] = {str(name): int(rng.choice(grades)) for name in judged} | {"sure": 1}
        if rng.random() < 0.9:
            ranked = [*rng.permutation(names)[: int(rng.integers(1, len(names)))], "sure"]
            n = len(ranked)
            scores = rng.integers(0, 4, n) / 3 if tied else rng.permutation(n) - 7.25
            run[f"q{q}"] = {str(name): float(score) for name, score in zip(ranked, scores, strict=True)}
    run["only in the run"] = {"x": 1.0}
    return qrels, run


def write(folder, qrels, run, rng):
    """Files with the rows in any order; the second gzip."""
    rows = [
        f"{q.replace(' ', '_')} Q0 {d} 0 {s!r} tag\n" for q, found in run.items() for d, s in found.items()
    ]
    with gzip.open(folder / "a.run.gz", "wt", encoding="utf-8") as file:
        file.writelines(rng.permutation(rows).tolist())
    with (folder / "qrels").open("w", encoding="utf-8") as file:
        file.writelines(f"{q} 0 {d} {g}\n" for q, found in qrels.items() for d, g in found.items())
    return score_runs(folder / "qrels", [folder / "a.run.gz"], list(OURS), ties="trec", resamples=20)


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("grades", [[0, 1], [-1, 0, 0, 1, 2, 3]], ids=["binary", "graded"])
@pytest.mark.parametrize("seed", range(3))
def test_every_query_of_random_runs(tmp_path, tied, grades, seed):
    rng = np.random.default_rng(seed)
    qrels, run = make_world(rng, tied=tied, grades=grades)
    found = write(tmp_path, qrels, run, rng)
    theirs = pytrec_eval.RelevanceEvaluator(qrels, WANTED).evaluate(run)
    (ours,) = found.runs
    assert len(found.queries) == 60 and len(theirs) == 60 - len(ours.missing) > 45
    for at, query in enumerate(found.queries):
        for name, column in ours.values.items():
            expected = theirs[query][OURS[name]] if query in theirs else 0.0
            assert column[at] == pytest.approx(expected, abs=1e-6), (query, name)
    # what the tool prints with -c: the mean over all judged queries
    for name, interval in ours.mean.items():
        expected = sum(values[OURS[name]] for values in theirs.values()) / 60
        assert interval.mean == pytest.approx(expected, abs=1e-6)


def test_scores_that_single_precision_cannot_tell_apart(tmp_path):
    run = {"q": {"a": 1 + 1e-9, "b": 1.0, "c": 1 - 1e-9}}
    qrels = {"q": {"a": 1}}
    rng = np.random.default_rng(0)
    found = write(tmp_path, qrels, run, rng)
    theirs = pytrec_eval.RelevanceEvaluator(qrels, {"recip_rank"}).evaluate(run)
    assert theirs["q"]["recip_rank"] == pytest.approx(1 / 3)  # three equal scores, c first
    assert found.runs[0].mean["RR"].mean == pytest.approx(1 / 3)
    exact = score_runs(tmp_path / "qrels", [tmp_path / "a.run.gz"], ["RR"], resamples=20)
    assert exact.runs[0].mean["RR"].mean == 1.0  # our own rule reads every digit


def test_without_ties_every_rule_gives_trec_evals_values(tmp_path):
    rng = np.random.default_rng(9)
    qrels, run = make_world(rng, tied=False, grades=[0, 0, 1, 2])
    trec = write(tmp_path, qrels, run, rng).runs[0].values
    for ties in ("expected", "optimistic", "pessimistic"):
        found = score_runs(tmp_path / "qrels", [tmp_path / "a.run.gz"], list(OURS), ties=ties, resamples=20)
        for name, values in found.runs[0].values.items():
            np.testing.assert_allclose(values, trec[name], rtol=0, atol=1e-12, err_msg=name)
