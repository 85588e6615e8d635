"""Chance levels: by hand, against shuffling, and equal to what a constant scorer gets."""

import numpy as np
import pytest

from eval import chance, metrics
from retriever.errors import InputError


def test_by_hand():
    assert [chance.recall_at_k(10, 1, k) for k in (1, 2, 5, 20)] == [0.1, 0.2, 0.5, 1.0]
    assert chance.reciprocal_rank(10, 1) == pytest.approx(sum(1 / i for i in range(1, 11)) / 10)  # .2929
    assert chance.average_precision(10, 1) == pytest.approx(chance.reciprocal_rank(10, 1))
    assert chance.precision_at_k(882, 384, 5) == pytest.approx(384 / 882)
    assert chance.precision_at_k(2, 1, 5) == pytest.approx(1 / 5)  # one of two, and three places stay empty
    assert chance.hit_at_k(5, 2, 2) == pytest.approx(1 - (3 / 5) * (2 / 4))
    assert chance.hit_at_k(5, 0, 2) == 0.0
    assert chance.reciprocal_rank(3, 2) == pytest.approx((1 + 1 + 1 / 2) / 3)
    assert chance.average_precision(3, 2) == pytest.approx((1 + 5 / 6 + 7 / 12) / 3)
    assert chance.average_precision(4, 4) == pytest.approx(1.0)
    assert chance.average_precision(1, 1) == 1.0
    assert chance.harmonic(0) == 0
    # two of three relevant: each place holds a relevant one two times of three
    discounts = [1, 1 / np.log2(3), 1 / 2]
    assert chance.ndcg_at_k(3, 2) == pytest.approx(2 / 3 * sum(discounts) / sum(discounts[:2]))
    assert chance.ndcg_at_k(3, 2, 1) == pytest.approx(2 / 3)
    assert chance.reciprocal_rank(3, 1, 2) == pytest.approx((1 + 1 / 2) / 3)


@pytest.mark.parametrize("n, relevant", [(10, 1), (10, 4), (37, 36), (120, 12), (882, 384)])
def test_a_constant_scorer_gets_chance(n, relevant):
    hits = np.arange(n) < relevant
    zeros = np.zeros(n)
    for k in (1, 3, 50):
        assert float(metrics.recall_at_k(zeros, hits, k)[0]) == pytest.approx(
            chance.recall_at_k(n, relevant, k)
        )
        assert float(metrics.precision_at_k(zeros, hits, k)[0]) == pytest.approx(
            chance.precision_at_k(n, relevant, k)
        )
        assert float(metrics.hit_at_k(zeros, hits, k)[0]) == pytest.approx(chance.hit_at_k(n, relevant, k))
        assert float(metrics.average_precision(zeros, hits, cut=k)[0]) == pytest.approx(
            chance.average_precision(n, relevant, k)
        )
        assert float(metrics.ndcg_at_k(zeros, hits, k)[0]) == pytest.approx(chance.ndcg_at_k(n, relevant, k))
        assert float(metrics.reciprocal_rank(zeros, hits, cut=k)[0]) == pytest.approx(
            chance.reciprocal_rank(n, relevant, k)
        )
    assert float(metrics.average_precision(zeros, hits)[0]) == pytest.approx(
        chance.average_precision(n, relevant)
    )
    assert float(metrics.ndcg_at_k(zeros, hits)[0]) == pytest.approx(chance.ndcg_at_k(n, relevant))
    assert float(metrics.reciprocal_rank(zeros, hits)[0]) == pytest.approx(
        chance.reciprocal_rank(n, relevant)
    )


@pytest.mark.parametrize("n, relevant", [(10, 1), (23, 5), (8, 7)])
def test_shuffling_gives_the_same(n, relevant):
    rng = np.random.default_rng(11)
    scores = rng.random((40_000, n))
    hits = np.tile(np.arange(n) < relevant, (len(scores), 1))
    for values, expected in [
        (metrics.recall_at_k(scores, hits, 3), chance.recall_at_k(n, relevant, 3)),
        (metrics.precision_at_k(scores, hits, 3), chance.precision_at_k(n, relevant, 3)),
        (metrics.hit_at_k(scores, hits, 3), chance.hit_at_k(n, relevant, 3)),
        (metrics.reciprocal_rank(scores, hits), chance.reciprocal_rank(n, relevant)),
        (metrics.average_precision(scores, hits), chance.average_precision(n, relevant)),
        (metrics.average_precision(scores, hits, cut=4), chance.average_precision(n, relevant, 4)),
    ]:
        assert abs(values.mean() - expected) <= 5 * values.std() / np.sqrt(len(values)) + 1e-12


def test_impossible_numbers_are_refused():
    for call in (
        lambda: chance.recall_at_k(10, 0, 1),
        lambda: chance.precision_at_k(10, 11, 1),
        lambda: chance.hit_at_k(0, 0, 1),
        lambda: chance.precision_at_k(10, 1, 0),
    ):
        with pytest.raises(InputError):
            call()
