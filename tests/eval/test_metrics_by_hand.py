"""Worked examples: every expected value is arithmetic that can be followed in the comment beside it."""

import numpy as np
import pytest

from eval.metrics import (
    average_precision,
    hit_at_k,
    macro_mean,
    mean,
    mean_by_label,
    precision_at_k,
    recall_at_k,
    reciprocal_rank,
    same_label,
)
from eval.metrics.curves import (
    interpolated_precision,
    precision_recall_curve,
    step_area,
    trapezoid_area,
)
from eval.metrics.ranked import rank
from retriever.errors import InputError


def ranked_list(n: int, *relevant_ranks: int) -> tuple[np.ndarray, np.ndarray]:
    """Untied scores n..1 and relevance at the given ranks."""
    relevance = np.zeros(n, dtype=bool)
    relevance[[rank - 1 for rank in relevant_ranks]] = True
    return np.arange(n, 0, -1.0), relevance


def test_two_queries_of_ten_with_gold_at_ranks_2_and_5():
    scores, relevance = (np.stack(pair) for pair in zip(ranked_list(10, 2), ranked_list(10, 5), strict=True))
    assert mean(recall_at_k(scores, relevance, 1)) == 0.0
    assert mean(recall_at_k(scores, relevance, 2)) == 0.5
    assert mean(recall_at_k(scores, relevance, 5)) == 1.0
    assert mean(reciprocal_rank(scores, relevance)) == pytest.approx((1 / 2 + 1 / 5) / 2)  # .35
    assert average_precision(scores, relevance).tolist() == reciprocal_rank(scores, relevance).tolist()


def test_average_precision_with_four_relevant():
    scores, relevance = ranked_list(10, 1, 3, 4, 10)
    full = (1 / 1 + 2 / 3 + 3 / 4 + 4 / 10) / 4  # .704
    assert average_precision(scores, relevance) == pytest.approx(full)
    # cut at 5: the fourth adds nothing, the denominator stays R = 4, not the three found
    assert average_precision(scores, relevance, cut=5) == pytest.approx((1 + 2 / 3 + 3 / 4) / 4)  # .604
    # six more relevant items outside the list: R = 10
    assert average_precision(scores, relevance, n_relevant=10) == pytest.approx(full * 4 / 10)


def test_ranks_1_3_6_of_ten():
    scores, relevance = ranked_list(10, 1, 3, 6)
    assert average_precision(scores, relevance) == pytest.approx((1 + 2 / 3 + 3 / 6) / 3)  # .722
    assert reciprocal_rank(scores, relevance) == 1.0
    assert recall_at_k(scores, relevance, 1) == pytest.approx(1 / 3)


def test_precision_and_hit_are_different_things():
    scores, relevance = ranked_list(5, 1, 3, 4)
    assert precision_at_k(scores, relevance, 1) == 1.0
    assert precision_at_k(scores, relevance, 3) == pytest.approx(2 / 3)
    assert precision_at_k(scores, relevance, 5) == pytest.approx(3 / 5)
    assert [float(hit_at_k(scores, relevance, k)[0]) for k in (1, 3, 5)] == [1.0, 1.0, 1.0]


def test_fewer_items_than_k():
    scores, relevance = ranked_list(2, 1, 2)
    assert precision_at_k(scores, relevance, 5) == pytest.approx(2 / 5)  # not 2/2
    assert recall_at_k(scores, relevance, 5) == 1.0
    assert hit_at_k(scores, relevance, 5) == 1.0


def test_one_item():
    assert average_precision([7.0], [True]) == 1.0
    assert recall_at_k([7.0], [True], 1) == 1.0
    assert hit_at_k([7.0], [False], 1) == 0.0
    assert reciprocal_rank([7.0], [False]) == 0.0


def test_gold_tied_with_one_above_the_cut():
    # gold and one other share ranks 1 and 2
    scores, relevance = [3.0, 3.0, 1.0], [False, True, False]
    assert recall_at_k(scores, relevance, 1) == 0.5
    assert recall_at_k(scores, relevance, 1, ties="optimistic") == 1.0
    assert recall_at_k(scores, relevance, 1, ties="pessimistic") == 0.0
    assert recall_at_k(scores, relevance, 1, ties="mean") == 0.0  # mean rank 1.5
    assert recall_at_k(scores, relevance, 2, ties="mean") == 1.0
    assert reciprocal_rank(scores, relevance) == pytest.approx((1 + 1 / 2) / 2)
    assert reciprocal_rank(scores, relevance, ties="mean") == pytest.approx(1 / 1.5)
    assert reciprocal_rank(scores, relevance, ties="optimistic") == 1.0
    assert reciprocal_rank(scores, relevance, ties="pessimistic") == 0.5
    assert average_precision(scores, relevance, ties="mean") == pytest.approx(1 / 1.5)


def test_constant_scorer_with_two_of_three_relevant():
    scores, relevance = [0.0, 0.0, 0.0], [True, True, False]
    # orders of the wrong one: last (1+1)/2, middle (1+2/3)/2, first (1/2+2/3)/2
    assert average_precision(scores, relevance) == pytest.approx((1 + 5 / 6 + 7 / 12) / 3)
    assert hit_at_k(scores, relevance, 1) == pytest.approx(2 / 3)
    assert hit_at_k(scores, relevance, 2) == 1.0
    # first relevant stands at rank 1 in two orders of three, else at 2
    assert reciprocal_rank(scores, relevance) == pytest.approx((1 + 1 + 1 / 2) / 3)
    assert average_precision(scores, relevance, ties="optimistic") == 1.0
    assert average_precision(scores, relevance, ties="pessimistic") == pytest.approx((1 / 2 + 2 / 3) / 2)


@pytest.mark.parametrize("n, value", [(10, 0.2929), (11, 0.2745), (307, 0.0205)])
def test_constant_scorer_gets_the_published_random_mrr(n, value):
    relevance = np.arange(n) == 0
    assert float(reciprocal_rank(np.zeros(n), relevance)[0]) == pytest.approx(value, abs=5e-5)


def test_precision_recall_curve():
    recall, precision = precision_recall_curve([0.9, 0.8, 0.7, 0.6], [1, 0, 1, 0])
    assert recall.tolist() == [0.5, 0.5, 1.0, 1.0]
    assert precision == pytest.approx([1, 1 / 2, 2 / 3, 1 / 2])
    assert step_area(recall, precision) == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)  # .833
    assert trapezoid_area(recall, precision) == pytest.approx(0.5 + 0.5 * (0.5 + 2 / 3) / 2)  # .792


def test_tied_scores_are_one_point_of_the_curve():
    recall, precision = precision_recall_curve([0.5, 0.9, 0.5], [1, 0, 1])
    assert recall.tolist() == [0.0, 1.0]
    assert precision == pytest.approx([0, 2 / 3])


def test_interpolated_precision():
    levels = [0, 0.5, 0.6, 1]
    scores = [[0.9, 0.8, 0.7, 0.6], [0.5, 0.9, 0.5, 0.1], [4.0, 3.0, 2.0, 1.0]]
    relevance = [[1, 0, 1, 0], [1, 0, 1, 0], [0, 0, 0, 1]]
    found = interpolated_precision(rank(scores, relevance), levels)
    assert found[0] == pytest.approx([1, 1, 2 / 3, 2 / 3])  # 1 of 1, then 2 of 3
    assert found[1] == pytest.approx([2 / 3] * 4)  # two tied ones come together, behind another
    assert found[2] == pytest.approx([1 / 4] * 4)
    # four relevant, two of them ranked: more recall than a half is never reached
    part = interpolated_precision(rank(scores[0], relevance[0], n_relevant=4), levels)
    assert part.tolist() == [[1.0, pytest.approx(2 / 3), 0.0, 0.0]]
    assert interpolated_precision(rank([[1.0, 2.0]], [[0, 0]]), levels).tolist() == [[0.0] * 4]


def test_averages():
    values, labels = [1.0, 0.0, 0.5, 0.5], ["joy", "joy", "joy", "fear"]
    assert mean(values) == 0.5
    assert mean_by_label(values, labels) == {"joy": 0.5, "fear": 0.5}
    assert macro_mean([1.0, 1.0, 1.0, 0.0], labels) == pytest.approx((1 + 0) / 2)
    assert same_label(["joy", None], ["fear", "joy", None]).tolist() == [[False, True, False], [False] * 3]


def test_input_is_left_as_it_was_and_its_order_does_not_matter():
    rng = np.random.default_rng(0)
    scores, relevance = rng.integers(0, 4, (20, 12)).astype(float), rng.random((20, 12)) < 0.4
    relevance[:, 0] = True
    before = scores.copy(), relevance.copy()
    shuffled = rng.permutation(12)
    for ties in ("expected", "mean", "optimistic", "pessimistic"):
        one = average_precision(scores, relevance, ties=ties)
        other = average_precision(scores[:, shuffled], relevance[:, shuffled], ties=ties)
        assert one == pytest.approx(other, abs=1e-12)
    assert (scores == before[0]).all() and (relevance == before[1]).all()


def test_sliced_work_equals_work_in_one_piece(monkeypatch):
    rng = np.random.default_rng(1)
    scores, relevance = rng.integers(0, 9, (50, 30)), rng.random((50, 30)) < 0.3
    relevance[:, 3] = True
    pool = relevance.sum(axis=1) + np.arange(50)
    whole = average_precision(scores, relevance, n_relevant=pool)
    monkeypatch.setattr("eval.metrics.measures._SLICE", 70)  # two rows a slice
    assert average_precision(scores, relevance, n_relevant=pool).tolist() == whole.tolist()


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: recall_at_k([1.0, np.nan], [1, 0], 1), "finite"),
        (lambda: recall_at_k([1.0, np.inf], [1, 0], 1), "finite"),
        (lambda: recall_at_k([1.0, 2.0], [1, np.nan], 1), "finite"),
        (lambda: recall_at_k([1.0, 2.0], [1, 0, 0], 1), "same shape"),
        (lambda: recall_at_k([], [], 1), "at least 1"),
        (lambda: recall_at_k(["a", "b"], [1, 0], 1), "real numbers"),
        (lambda: recall_at_k([1.0, 2.0], [1, -1], 1), "negative grade"),
        (lambda: recall_at_k([1.0, 2.0], [0, 0], 1), "0/0"),
        (lambda: average_precision([1.0, 2.0], [0, 0]), "0/0"),
        (lambda: average_precision([1.0, 2.0], [1, 1], n_relevant=1), "holds 2 relevant"),
        (lambda: average_precision([1.0, 2.0], [1, 1], cut=0), "at least 1"),
        (lambda: hit_at_k([1.0], [1], 0), "at least 1"),
        (lambda: hit_at_k([1.0], [1], 1.5), "whole number"),
        (lambda: hit_at_k([1.0], [1], True), "whole number"),
        (lambda: hit_at_k([1.0], [1], 1, ties="lucky"), "tie rule"),
        (lambda: precision_at_k([1.0], [1], 1, ties="mean"), "mean rank"),
        (lambda: hit_at_k([1.0], [1], 1, ties="mean"), "mean rank"),
        (lambda: mean([]), "no query"),
        (lambda: macro_mean([1.0], ["a", "b"]), "one each"),
        (lambda: precision_recall_curve([1.0], [0]), "no item is relevant"),
    ],
)
def test_bad_input_is_refused_in_words(call, words):
    with pytest.raises(InputError, match=words):
        call()


def test_integers_and_single_precision_are_fine():
    assert average_precision(np.array([3, 2, 1]), np.array([0, 2, 0], dtype=np.uint8)) == 0.5
    assert average_precision(np.float32([0.3, 0.2, 0.1]), [0, 1, 0]) == 0.5
