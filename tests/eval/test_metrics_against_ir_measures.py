"""The same runs through ir-measures: without ties to 1e-9, with ties averaged over orders."""

import itertools

import numpy as np
import pytest

from eval.metrics import average_precision, hit_at_k, precision_at_k, recall_at_k, reciprocal_rank

ir_measures = pytest.importorskip("ir_measures")

NAMES = ["P@1", "P@3", "P@5", "R@1", "R@5", "Success@1", "Success@3", "RR", "AP", "AP@5"]


def ours(scores, relevance):
    """Values of all NAMES, each of shape (q,)."""
    return {
        **{f"P@{k}": precision_at_k(scores, relevance, k) for k in (1, 3, 5)},
        **{f"R@{k}": recall_at_k(scores, relevance, k) for k in (1, 5)},
        **{f"Success@{k}": hit_at_k(scores, relevance, k) for k in (1, 3)},
        "RR": reciprocal_rank(scores, relevance),
        "AP": average_precision(scores, relevance),
        "AP@5": average_precision(scores, relevance, cut=5),
    }


def theirs(scores, relevance):
    """The same from ir-measures; rows are queries."""
    qrels = {str(q): {f"d{i}": int(hit) for i, hit in enumerate(row)} for q, row in enumerate(relevance)}
    run = {str(q): {f"d{i}": float(value) for i, value in enumerate(row)} for q, row in enumerate(scores)}
    measures = [ir_measures.parse_measure(name) for name in NAMES]
    values = {name: np.full(len(scores), np.nan) for name in NAMES}
    for metric in ir_measures.iter_calc(measures, qrels, run):
        values[str(metric.measure)][int(metric.query_id)] = metric.value
    return values


def test_random_runs_without_ties():
    rng = np.random.default_rng(3)
    scores = rng.permuted(np.tile(np.linspace(-1, 1, 40), (300, 1)), axis=1)
    relevance = rng.random((300, 40)) < rng.random((300, 1))
    relevance[:, 0] = True
    mine, reference = ours(scores, relevance), theirs(scores, relevance)
    for name in NAMES:
        np.testing.assert_allclose(mine[name], reference[name], rtol=0, atol=1e-9, err_msg=name)


def test_ties_by_exact_enumeration():
    rng = np.random.default_rng(4)
    for _ in range(8):
        scores = rng.integers(0, 3, 6).astype(float)
        relevance = rng.random(6) < 0.5
        relevance[rng.integers(6)] = True
        # every order of all six items, as offsets smaller than any gap: each order of the ties equally often
        offsets = np.array(list(itertools.permutations(range(6)))) * 1e-3
        broken = scores + offsets
        reference = theirs(broken, np.tile(relevance, (len(broken), 1)))
        mine = ours(scores, relevance)
        for name in NAMES:
            assert float(mine[name][0]) == pytest.approx(reference[name].mean(), abs=1e-9), name


def test_ties_by_sampling_orders():
    rng = np.random.default_rng(5)
    scores = rng.integers(0, 5, 30).astype(float)
    relevance = rng.random(30) < 0.2
    relevance[0] = True
    broken = scores + rng.random((20_000, 30)) * 1e-3
    reference = theirs(broken, np.tile(relevance, (len(broken), 1)))
    mine = ours(scores, relevance)
    for name in NAMES:
        error = reference[name].std() / np.sqrt(len(broken))
        assert abs(float(mine[name][0]) - reference[name].mean()) <= 5 * error + 1e-9, name
