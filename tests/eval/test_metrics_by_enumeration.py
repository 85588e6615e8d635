"""The closed forms against brute force: every order of tied items, written out and averaged."""

import itertools

import numpy as np
import pytest

from eval.metrics import (
    average_precision,
    hit_at_k,
    ndcg_at_k,
    precision_at_k,
    recall_at_k,
    reciprocal_rank,
)


def orders(scores):
    """All orders of positions that are sorted by score; tied items in every order."""
    return [
        order
        for order in itertools.permutations(range(len(scores)))
        if all(scores[a] >= scores[b] for a, b in itertools.pairwise(order))
    ]


def reference(name, relevant, k, total):
    """A measure of one list of 0/1 in rank order, straight from its definition."""
    if name == "P":
        return sum(relevant[:k]) / k
    if name == "Hit":
        return float(any(relevant[:k]))
    if name == "R":
        return sum(relevant[:k]) / total
    if name == "RR":
        return next((1 / rank for rank, hit in enumerate(relevant[:k], 1) if hit), 0.0)
    if name == "nDCG":
        best = sorted(relevant, reverse=True)
        gains = [
            sum(grade / np.log2(i + 1) for i, grade in enumerate(row[:k], 1)) for row in (relevant, best)
        ]
        return gains[0] / gains[1]
    depth = len(relevant) if k is None else k
    found = [i for i, hit in enumerate(relevant, 1) if hit and i <= depth]
    return sum(sum(relevant[:i]) / i for i in found) / total


CASES = [
    ("P", precision_at_k, (1, 2, 3, 5, 9)),
    ("Hit", hit_at_k, (1, 2, 3, 5, 9)),
    ("R", recall_at_k, (1, 2, 3, 5, 9)),
    ("RR", lambda s, r, k, ties: reciprocal_rank(s, r, cut=k, ties=ties), (None, 1, 2, 4)),
    ("AP", lambda s, r, k, ties: average_precision(s, r, cut=k, ties=ties), (None, 1, 2, 4)),
    ("nDCG", ndcg_at_k, (None, 1, 2, 4)),
]


@pytest.mark.parametrize("name, measure, cuts", CASES, ids=[case[0] for case in CASES])
def test_all_orders_of_ties(name, measure, cuts):
    rng = np.random.default_rng(7)
    tied = 0
    for _ in range(60):
        n = int(rng.integers(1, 7))
        scores = rng.integers(0, int(rng.integers(1, 5)), n).astype(float)
        relevance = rng.random(n) < rng.random()
        relevance[rng.integers(n)] = True
        lists = [[int(relevance[i]) for i in order] for order in orders(scores)]
        tied += len(lists) > 1
        for k in cuts:
            values = [reference(name, ranks, k, int(relevance.sum())) for ranks in lists]
            assert float(measure(scores, relevance, k, ties="expected")[0]) == pytest.approx(
                np.mean(values), abs=1e-12
            )
            assert float(measure(scores, relevance, k, ties="optimistic")[0]) == pytest.approx(max(values))
            assert float(measure(scores, relevance, k, ties="pessimistic")[0]) == pytest.approx(min(values))
    assert tied > 30


@pytest.mark.parametrize("name, measure, cuts", CASES[2:], ids=[case[0] for case in CASES[2:]])
def test_mean_rank_of_one_gold(name, measure, cuts):
    rng = np.random.default_rng(8)
    for _ in range(200):
        n = int(rng.integers(1, 12))
        scores = rng.integers(0, 4, n).astype(float)
        gold = int(rng.integers(n))
        rank = 1 + (scores > scores[gold]).sum() + ((scores == scores[gold]).sum() - 1) / 2
        for k in cuts:
            if name == "R":
                expected = float(rank <= k)
            else:
                worth = 1 / np.log2(rank + 1) if name == "nDCG" else 1 / rank
                expected = worth * (k is None or rank <= k)
            value = float(measure(scores, np.arange(n) == gold, k, ties="mean")[0])
            assert value == pytest.approx(expected, abs=1e-12)


def test_without_ties_every_rule_says_the_same():
    rng = np.random.default_rng(9)
    scores, relevance = rng.permuted(np.tile(np.arange(15.0), (40, 1)), axis=1), rng.random((40, 15)) < 0.3
    relevance[:, 0] = True
    for name, measure, cuts in CASES:
        for k in cuts:
            first = measure(scores, relevance, k, ties="expected")
            for ties in ("optimistic", "pessimistic") + (("mean",) if name not in ("P", "Hit") else ()):
                assert measure(scores, relevance, k, ties=ties) == pytest.approx(first, abs=1e-12), (
                    name,
                    ties,
                )


def test_graded_relevance_over_all_orders_of_ties():
    rng = np.random.default_rng(11)
    tied = 0
    for _ in range(60):
        n = int(rng.integers(2, 7))
        scores, grades = rng.integers(0, 3, n).astype(float), rng.integers(0, 4, n)
        grades[rng.integers(n)] = 2
        lists = [[int(grades[i]) for i in order] for order in orders(scores)]
        tied += len({tuple(row) for row in lists}) > 1
        for k in (None, 1, 2, 3):
            values = [reference("nDCG", row, k, 0) for row in lists]
            for ties, expected in (
                ("expected", np.mean(values)),
                ("optimistic", max(values)),
                ("pessimistic", min(values)),
            ):
                assert float(ndcg_at_k(scores, grades, k, ties=ties)[0]) == pytest.approx(expected, abs=1e-12)
    assert tied > 30


@pytest.mark.parametrize("n", [65, 300])
def test_long_lists_are_counted_like_short_ones(n, monkeypatch):
    """Two ways lead to the places of relevant items; which one is taken depends on the length."""
    rng = np.random.default_rng(12)
    scores, grades = rng.integers(0, n // 4, (7, n)).astype(float), rng.choice([0, 0, 0, 1, 2], (7, n))
    grades[:, 5] = 1
    measures = [(measure, k) for _, measure, cuts in CASES for k in cuts]
    sorted_ = [measure(scores, grades, k, ties="expected") for measure, k in measures]
    monkeypatch.setattr("eval.metrics.places._SHORT", n)
    monkeypatch.setattr("eval.metrics.places._CELLS", 3 * n)  # three items a slice
    for (measure, k), expected in zip(measures, sorted_, strict=True):
        assert measure(scores, grades, k, ties="expected").tolist() == expected.tolist()
