"""Paired tests against enumeration by hand, against scipy, and against what they promise."""

from itertools import product

import numpy as np
import pytest

from eval.paired import against, all_pairs, holm, paired_families, paired_tests
from eval.significance import draw_counts, intervals
from retriever.errors import InputError


def test_exact_p_by_hand():
    # differences 1, 1, 1, 0: of 16 signs, |sum| = 3 for +++ and ---, each twice (the 0 turns freely): 4/16
    (found,) = paired_tests({"a": [1, 1, 1, 0], "b": [0, 0, 0, 0]}, [("a", "b")])
    assert found.p == found.p_holm == 0.25
    assert (found.mean, found.wins, found.ties, found.losses, found.n) == (0.75, 3, 1, 0, 4)


def test_exact_p_against_a_plain_loop_and_scipy():
    stats = pytest.importorskip("scipy.stats")
    rng = np.random.default_rng(0)
    a, b = rng.random(9), rng.random(9)
    (found,) = paired_tests({"a": a, "b": b}, [("a", "b")])
    sums = [abs(np.dot(signs, a - b)) for signs in product((1, -1), repeat=9)]
    assert found.p == np.mean(np.array(sums) >= abs((a - b).sum()) - 1e-9)
    theirs = stats.permutation_test(
        (a, b), lambda x, y: np.mean(x - y), permutation_type="samples", n_resamples=np.inf
    )
    assert found.p == pytest.approx(theirs.pvalue)


def test_drawn_p_against_the_binomial_test():
    """With differences of -1, 0 and 1 the randomisation test is the exact sign test (McNemar)."""
    stats = pytest.importorskip("scipy.stats")
    for wins, losses in ((30, 14), (25, 20), (40, 12), (20, 20)):
        a = np.array([1] * wins + [0] * losses + [1] * 57)
        b = np.array([0] * wins + [1] * losses + [1] * 57)
        (found,) = paired_tests({"a": a, "b": b}, [("a", "b")])
        exact = stats.binomtest(wins, wins + losses).pvalue
        assert found.p == pytest.approx(exact, abs=4 * np.sqrt(max(exact * (1 - exact), 1e-4) / 10_000))


def test_drawn_p_against_the_t_test():
    stats = pytest.importorskip("scipy.stats")
    rng = np.random.default_rng(1)
    a = rng.normal(0.0, 1.0, 400)
    b = a + rng.normal(0.08, 1.0, 400)
    (found,) = paired_tests({"a": a, "b": b}, [("a", "b")])
    assert found.p == pytest.approx(stats.ttest_rel(a, b).pvalue, abs=0.02)


def test_false_alarms_are_as_rare_as_they_should_be():
    rng = np.random.default_rng(2)
    alarms = sum(
        paired_tests(
            {"a": rng.random(40) < 0.3, "b": rng.random(40) < 0.3},
            [("a", "b")],
            flips=499,
            resamples=2,
            seed=i,
        )[0].p
        <= 0.05
        for i in range(400)
    )
    assert alarms <= 34  # 20 expected at most, plus three standard deviations


def test_holm_by_hand():
    # sorted .01 .02 .03 .04: times 4, 3, 2, 1 gives .04 .06 .06 .04, and the running maximum .04 .06 .06 .06
    assert holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.6, 0.9]) == pytest.approx([1.0, 1.0])
    assert holm([]).shape == (0,)
    for bad in ([1.2], [[0.1]], [float("nan")], [-0.1]):
        with pytest.raises(InputError, match=r"not in \[0, 1\]"):
            holm(bad)


def test_a_family_is_corrected_together():
    rng = np.random.default_rng(3)
    values = {name: rng.random(60) for name in "abcd"} | {"e": np.full(60, 2.0)}
    tests = paired_tests(values, all_pairs(list(values)))
    assert len(tests) == 10
    assert [test.p_holm for test in tests] == pytest.approx(list(holm([test.p for test in tests])))
    assert {test.system for test in tests if test.is_clear()} | {
        test.other for test in tests if test.is_clear()
    } == set("abcde")
    assert sum(test.is_clear() for test in tests) == 4


def test_no_difference_gives_one_and_no_width():
    (found,) = paired_tests({"a": [0.3] * 50, "b": [0.1 + 0.2] * 50}, [("a", "b")])
    assert (found.p, found.p_holm, found.low, found.high, found.ties) == (1.0, 1.0, 0.0, 0.0, 50)


def test_one_query_can_never_be_clear():
    (found,) = paired_tests({"a": [1.0], "b": [0.0]}, [("a", "b")])
    assert found.p == 1.0 and not found.is_clear()


def test_the_seed_decides_and_blocks_do_not(monkeypatch):
    rng = np.random.default_rng(4)
    values = {"a": rng.random(37), "b": rng.random(37), "c": rng.random(37)}
    pairs = against(list(values), ["b", "c"])
    assert pairs == [("a", "b"), ("c", "b"), ("a", "c")]
    first = paired_tests(values, pairs, seed=1)
    assert first == paired_tests(values, pairs, seed=1) != paired_tests(values, pairs, seed=2)
    monkeypatch.setattr("eval.paired._CELLS", 37 * 7)
    monkeypatch.setattr("eval.significance._CELLS", 37 * 7)
    assert first == paired_tests(values, pairs, seed=1)


def test_the_resamples_do_not_depend_on_their_blocks(monkeypatch):
    whole = np.concatenate([counts for _, counts in draw_counts(50, 20, 3)])
    monkeypatch.setattr("eval.significance._CELLS", 50 * 3)
    assert np.array_equal(whole, np.concatenate([counts for _, counts in draw_counts(50, 20, 3)]))
    assert (whole.sum(axis=1) == 50).all()


def test_intervals_against_scipy():
    stats = pytest.importorskip("scipy.stats")
    values = np.random.default_rng(5).random(300) ** 2
    (ours,) = intervals(values[:, None], resamples=4000)
    theirs = stats.bootstrap(
        (values,), np.mean, n_resamples=4000, method="percentile", rng=1
    ).confidence_interval
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.003)
    assert ours.mean == pytest.approx(values.mean()) and ours.macro is None


def test_bad_input_is_told():
    with pytest.raises(InputError, match="no system 'c'"):
        paired_tests({"a": [1], "b": [0]}, [("a", "c")])
    with pytest.raises(InputError, match=r"shape \(1,\)"):
        paired_tests({"a": [1, 2], "b": [0]}, [("a", "b")])
    with pytest.raises(InputError, match="at least one"):
        paired_tests({"a": [], "b": []}, [("a", "b")])
    with pytest.raises(InputError, match="not finite"):
        paired_tests({"a": [1, float("nan")], "b": [0, 0]}, [("a", "b")])
    assert paired_tests({"a": [1]}, []) == []


def test_every_measure_is_a_family_of_its_own():
    rng = np.random.default_rng(6)
    values = {measure: {name: rng.random(50) for name in "abc"} for measure in ("R@1", "AP")}
    pairs = against("abc", ["c"])
    found = paired_families(values, pairs, seed=3)
    assert found == {measure: paired_tests(values[measure], pairs, seed=3) for measure in values}
    with pytest.raises(InputError, match="queries; expected one"):
        paired_families({"x": values["AP"], "y": {name: [0.0] for name in "abc"}}, pairs)


def test_the_limit_for_many_queries_is_the_same_test(monkeypatch):
    rng = np.random.default_rng(7)
    a = rng.random(3000)
    values = {"a": a, "b": a + rng.normal(0.004, 0.1, 3000), "same": a, "near": a + (np.arange(3000) < 9)}
    pairs = [("b", "a"), ("same", "a"), ("near", "a")]
    drawn = paired_tests(values, pairs)
    monkeypatch.setattr("eval.paired._MANY", 2000)
    limit = paired_tests(values, pairs)
    assert limit[0].p == pytest.approx(drawn[0].p, abs=0.01) and 0.001 < drawn[0].p < 0.2
    assert limit[1].p == drawn[1].p == 1.0
    # nine queries that all go one way: 2 of 512 signs are as extreme, exactly
    assert limit[2].p == pytest.approx(2 / 512) and drawn[2].p == pytest.approx(2 / 512, abs=0.002)
