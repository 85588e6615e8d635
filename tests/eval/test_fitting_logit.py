"""Conditional logit and the gate: by hand, against slow references, and on data made with known weights."""

from dataclasses import replace

import numpy as np
import pytest
from fitting_worlds import make, slow_loss
from scipy.optimize import check_grad, minimize

from eval.fitting.designs import Designs, spreads
from eval.fitting.gate import fit_gate
from eval.fitting.logit import fit_weights, log_loss
from eval.fitting.methods import CHOICES, DEFAULT, Choice, choices_for, fit_choice, to_fusion
from retriever.errors import ModelError
from retriever.fusion import fuse
from retriever.fusion.default import METHOD, default_weights


def test_two_scorers_and_three_candidates_by_hand() -> None:
    """w = (ln 2, ln 3): e^f = 2, 3, 6; the gold's share is 6/11. Another list has only two candidates."""
    values = np.array([[[1.0, 0], [0, 1], [1, 1]], [[0, 1], [1, 0], [9, 9]]])
    mask = np.array([[True, True, True], [True, True, False]])
    gold = np.array([2, 1])
    weight = np.array([0.5, 0.5])
    loss, slope = log_loss(values @ np.log([2.0, 3.0]), mask, gold, weight)
    assert loss == pytest.approx(-0.5 * np.log(6 / 11) - 0.5 * np.log(2 / 5))
    assert slope[0] == pytest.approx([0.5 * 2 / 11, 0.5 * 3 / 11, 0.5 * (6 / 11 - 1)])
    assert slope[1] == pytest.approx([0.5 * 3 / 5, 0.5 * (2 / 5 - 1), 0])


def test_the_best_weight_of_one_scorer_by_hand() -> None:
    """Scores 1 and 0; three golds of four score 1: the share is e^w / (e^w + 1) = 3/4, so w = ln 3."""
    values = np.tile(np.array([[[1.0], [0.0]]]), (4, 1, 1))
    gold = np.array([0, 0, 0, 1])
    found = fit_weights(values, np.ones((4, 2), bool), gold, np.full(4, 0.25), ridge=0.0)
    assert found == pytest.approx([np.log(3)], abs=1e-4)
    assert fit_weights(values, np.ones((4, 2), bool), 1 - gold, np.full(4, 0.25)) == pytest.approx([0.0])


def test_against_a_slow_reference_and_a_numerical_gradient() -> None:
    pools = make(60, [1.0, 0.5, 0.0], seed=1, ragged=True)
    rng = np.random.default_rng(0)
    for _ in range(5):
        w = rng.normal(size=3)
        fused = pools.scores @ w
        loss, slope = log_loss(fused, pools.mask, pools.gold, pools.weight)
        assert loss == pytest.approx(slow_loss(pools, w))
        at = fused.ravel()
        shape = fused.shape
        error = check_grad(
            lambda x: log_loss(x.reshape(shape), pools.mask, pools.gold, pools.weight)[0],  # noqa: B023
            lambda x: log_loss(x.reshape(shape), pools.mask, pools.gold, pools.weight)[1].ravel(),  # noqa: B023
            at,
        )
        assert error < 1e-5 and slope.shape == shape
    found = fit_weights(pools.scores, pools.mask, pools.gold, pools.weight, ridge=0.0)
    reference = minimize(lambda w: slow_loss(pools, w), np.ones(3), bounds=[(0, None)] * 3, method="L-BFGS-B")
    assert found == pytest.approx(reference.x, abs=2e-3)


def test_known_weights_are_recovered_whatever_the_scale() -> None:
    pools = make(4000, [2.0, 1.0, 0.0], seed=2)
    found = fit_weights(pools.scores, pools.mask, pools.gold, pools.weight)
    assert found == pytest.approx([2.0, 1.0, 0.0], abs=0.1)
    larger = fit_weights(pools.scores * [1000.0, 1.0, 1e-3], pools.mask, pools.gold, pools.weight)
    assert larger * [1000.0, 1.0, 1e-3] == pytest.approx(found, abs=1e-3)


def test_a_scorer_that_is_wrong_on_purpose_gets_nothing() -> None:
    pools = make(1000, [1.5, -2.0], seed=3)
    assert fit_weights(pools.scores, pools.mask, pools.gold, pools.weight)[1] == 0.0


def test_datasets_count_alike_however_large() -> None:
    small, large = make(500, [3.0, 0.0], seed=4), make(5000, [0.0, 3.0], seed=5)
    both = make(0, [0.0, 0.0], parts=[small, large])
    assert both.weight[both.dataset == 0].sum() == pytest.approx(0.5)
    found = fit_weights(both.scores, both.mask, both.gold, both.weight)
    assert found[0] == pytest.approx(found[1], rel=0.1)


def test_a_gate_finds_who_is_right_when() -> None:
    """Where the first trait is 1 the first scorer knows, else the second: no fixed weights are as good."""
    pools = make(3000, [3.0, 3.0], seed=6, gated=True)
    gate = fit_gate(pools.scores, pools.mask, pools.gold, pools.weight, pools.traits)
    ones, zeros = (gate.weights_of(np.array([[x, 0.0, 0, 0]]))[0] for x in (1.0, 0.0))
    assert ones[0] > 10 * ones[1] and zeros[1] > 10 * zeros[0]
    assert ones[0] == pytest.approx(3.0, rel=0.15)
    linear = fit_weights(pools.scores, pools.mask, pools.gold, pools.weight)
    fused = (pools.scores @ gate.weights_of(pools.traits)[:, :, None])[:, :, 0]
    gated_loss = log_loss(fused, pools.mask, pools.gold, pools.weight)[0]
    assert gated_loss < 0.8 * log_loss(pools.scores @ linear, pools.mask, pools.gold, pools.weight)[0]


def test_a_gate_without_anything_to_find_is_the_linear_fit() -> None:
    pools = make(3000, [2.0, 1.0], seed=7)
    gate = fit_gate(pools.scores, pools.mask, pools.gold, pools.weight, pools.traits)
    linear = fit_weights(pools.scores, pools.mask, pools.gold, pools.weight)
    assert gate.weights_of(pools.traits).mean(axis=0) == pytest.approx(linear, rel=0.1)
    assert np.abs(gate.slopes).max() < 0.2


def test_spreads_by_hand() -> None:
    """Lists (0, 2) and (1, 5, and one that is no candidate): deviations 1 and 2, so sqrt((1 + 4) / 2)."""
    values = np.array([[[0.0], [2.0], [7.0]], [[1.0], [5.0], [7.0]]])
    mask = np.array([[True, True, False]] * 2)
    assert spreads(values, mask) == pytest.approx([np.sqrt(2.5)])
    assert spreads(np.ones((2, 3, 1)), mask) == pytest.approx([1.0])


@pytest.mark.parametrize("choice", choices_for("abc"), ids=lambda choice: choice.name)
def test_what_is_fitted_is_what_the_chain_computes(choice: Choice) -> None:
    """Lists of different lengths, a scorer without opinion, doubts: the same numbers from `fuse`."""
    pools = make(80, [1.0, 0.5, 0.2], seed=8, ragged=True, doubts=True)
    pools.scores[::3, :, 1] = 4.0
    train = np.arange(80) < 60
    fit = fit_choice(choice, Designs(pools), train)
    if choice == DEFAULT:
        weights_of, method, options = lambda at: default_weights("abc"), METHOD, {}
    else:
        fusion = to_fusion(fit, {name: name for name in "abc"})
        weights_of = lambda at: fusion.weights_for(pools.traits[at])  # noqa: E731
        method, options = fusion.method, fusion.options
    for at in range(80):
        n = pools.mask[at].sum()
        doubts = dict(zip("abc", pools.confidence[at], strict=True))
        weights = {name: weight * doubts[name] for name, weight in weights_of(at).items()}
        scores = {name: pools.scores[at, :n, i] for i, name in enumerate("abc")}
        expected = fuse(scores, method, weights=weights, **options)
        got = fit.fused[at, :n]
        assert got - got.mean() == pytest.approx(expected - expected.mean(), abs=1e-9)


def test_without_a_fit_the_ranker_counts_twice() -> None:
    pools = replace(make(20, [1.0, 0.5], seed=8), scorers=("ranker", "b"))
    designs = Designs(pools)
    values = designs.of("minmax").values
    assert DEFAULT.normalisation == "minmax"
    fit = fit_choice(DEFAULT, designs, np.ones(20, bool))
    assert fit.fused == pytest.approx(2 * values[:, :, 0] + values[:, :, 1])
    assert to_fusion(fit, {"ranker": "1", "b": "2"}).weights == {"ranker": 2.0, "b": 1.0}


def test_normalising_sees_what_a_pick_sees() -> None:
    """Candidates 3 and 1 among recalled 2, 0 and 9: ranks 2 and 4 of five, (3 - 0) / 9 and (1 - 0) / 9."""
    pools = make(2, [1.0, 1.0], n=2)
    pools.scores[:] = np.array([[3.0, 5.0], [1.0, 5.0]])
    context = [np.array([[2.0, 5], [0, 5], [9, 5]], dtype=np.float32), np.zeros((0, 2), dtype=np.float32)]
    designs = Designs(pools, context)
    assert designs.of("minmax").values[0].tolist() == [[3 / 9, 0.0], [1 / 9, 0.0]]
    assert designs.of("rank").values[0, :, 0].tolist() == [3 / 4, 1 / 4]
    assert designs.of("rrf").values[0, :, 0] == pytest.approx([1 / 62, 1 / 64])
    assert designs.of("none").values[0].tolist() == [[3.0, 0.0], [1.0, 0.0]]
    assert designs.of("minmax").values[1, :, 0].tolist() == [1.0, 0.0]  # nothing else recalled
    assert np.array_equal(designs.only("b").of("rank").values, designs.of("rank").values[:, :, [1]])


def test_scorers_that_know_nothing_are_not_fused() -> None:
    pools = make(300, [-3.0, -3.0], seed=9)
    fit = fit_choice(CHOICES[1], Designs(pools), np.ones(300, bool))
    with pytest.raises(ModelError, match="nothing to fuse"):
        to_fusion(fit, {"a": "1", "b": "2"})
