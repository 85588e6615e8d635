import numpy as np
import pytest

from eval.significance import compare
from retriever.errors import InputError


def test_a_difference_by_hand():
    differences = np.array([[1.0], [0.0], [0.0], [-1.0], [1.0], [1.0]])
    (found,) = compare(differences, ["a", "a", "a", "b", "b", None])
    assert found.mean == pytest.approx(2 / 6)
    assert (found.wins, found.ties, found.losses) == (3, 2, 1)
    assert found.macro == pytest.approx((1 / 3 + 0) / 2)  # label a: 1/3, label b: 0; the unlabelled stays out


def test_a_difference_of_nothing_is_not_clear():
    (found,) = compare(np.full((50, 1), 1e-17))
    assert (found.mean, found.low, found.high, found.p) == (pytest.approx(0), 0, 0, 1.0)
    assert not found.is_clear and found.ties == 50 and found.macro is None


def test_a_constant_difference_has_no_width():
    (found,) = compare(np.full((50, 1), 0.25), resamples=999)
    assert (found.low, found.high) == (0.25, 0.25) and found.is_clear
    assert found.p == pytest.approx(2 / 1000)


def test_the_interval_is_that_of_the_mean():
    rng = np.random.default_rng(0)
    values = rng.normal(0.1, 1.0, (2000, 1))
    (found,) = compare(values, resamples=2000)
    half = 1.96 * values.std() / np.sqrt(2000)
    assert found.low == pytest.approx(values.mean() - half, abs=0.08 * half)
    assert found.high == pytest.approx(values.mean() + half, abs=0.08 * half)


def test_intervals_cover_the_truth_about_as_often_as_they_say():
    rng = np.random.default_rng(1)
    # 400 experiments as columns; they share resamples, which leaves each one's coverage as it is
    values = rng.normal(0.0, 1.0, (150, 400))
    covered = sum(found.low <= 0 <= found.high for found in compare(values))
    assert 368 <= covered <= 394


def test_macro_interval_against_a_plain_loop():
    rng = np.random.default_rng(2)
    values, labels = rng.random((30, 2)), ["a"] * 20 + ["b"] * 10
    found = compare(values, labels, resamples=50, seed=9)
    rng = np.random.default_rng(9)
    macro = []
    for row in rng.integers(0, 30, (50, 30)):
        parts = [row[row < 20], row[row >= 20]]
        macro.append(np.mean([values[part, 1].mean() for part in parts if len(part)]))
    assert (found[1].macro_low, found[1].macro_high) == pytest.approx(
        tuple(np.percentile(macro, [2.5, 97.5]))
    )


def test_the_seed_decides():
    values = np.random.default_rng(3).random((40, 1)) - 0.5
    assert compare(values, seed=1) == compare(values, seed=1) != compare(values, seed=2)


def test_bad_input():
    with pytest.raises(InputError, match="at least one query"):
        compare(np.zeros((0, 3)))
    with pytest.raises(InputError, match="2 labels for 3"):
        compare(np.zeros((3, 1)), ["a", "b"])
