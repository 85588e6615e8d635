"""Held-out results: folds, what they may see, gains, and the whole report on made-up data."""

from dataclasses import replace

import numpy as np
import pytest
from fitting_worlds import make

from eval.fitting.designs import Designs
from eval.fitting.folds import assign_folds
from eval.fitting.gains import estimate, gain
from eval.fitting.methods import CHOICES, DEFAULT, fit_choice
from eval.fitting.nested import cross_fit, judge, select
from eval.fitting.pools import group_ids
from eval.fitting.scored import Query
from retriever.errors import InputError

FEW = (DEFAULT, CHOICES[1], CHOICES[-1])


def query(name: str, dialogue: str | None = None) -> Query:
    empty = np.zeros(0)
    no = empty.astype(bool)
    return Query(name, dialogue, None, 0, empty, empty.astype(np.float32), no, no, empty, empty)


# --- folds and groups


def test_dialogues_stay_together_and_folds_are_alike() -> None:
    rng = np.random.default_rng(0)
    dataset = np.repeat([0, 1], [700, 300])
    group = np.concatenate([rng.integers(0, 90, 700), 90 + rng.integers(0, 40, 300)])
    fold = assign_folds(group, dataset, 5, seed=1)
    for number in np.unique(group):
        assert len(set(fold[group == number])) == 1
    for number, size in ((0, 700), (1, 300)):
        counts = np.bincount(fold[dataset == number], minlength=5)
        assert counts.sum() == size and counts.max() - counts.min() <= 25
    assert np.array_equal(fold, assign_folds(group, dataset, 5, seed=1))
    assert not np.array_equal(fold, assign_folds(group, dataset, 5, seed=2))
    with pytest.raises(InputError, match="3 dialogues cannot be parted into 5 folds"):
        assign_folds(np.array([0, 0, 1, 2]), np.zeros(4, int), 5, 0)


def test_groups_by_what_ids_have_in_common() -> None:
    talks = [query(f"meld-dev-{talk}-{line}") for talk in range(30) for line in range(4)]
    assert group_ids(talks).tolist() == [number for number in range(30) for _ in range(4)]
    shows = [
        query(f"show-{show}_{talk:03d}-{line}") for show in range(5) for talk in range(9) for line in range(3)
    ]
    assert len(set(group_ids(shows))) == 45  # by show there would be five groups only
    assert len(set(group_ids([query(f"tweet-{i}") for i in range(50)]))) == 50
    assert group_ids([query("a", "x"), query("b", "x"), query("c"), query("d")]).tolist() == [0, 0, 1, 2]


# --- what a fold may see


def test_a_fold_never_sees_its_own_golds() -> None:
    """Other golds in a held-out fold move nothing there; a fit that is let in on them differs."""
    pools = make(240, [1.0, 0.5], seed=3, dialogue=3)
    designs = Designs(pools)
    held = cross_fit(designs, folds=3, inner=2, choices=FEW)
    out = held.fold == 1
    rng = np.random.default_rng(0)
    lies = replace(pools, gold=np.where(out, rng.integers(0, 6, 240), pools.gold))
    again = cross_fit(Designs(lies), folds=3, inner=2, choices=FEW)
    assert np.array_equal(again.fold, held.fold)
    assert np.array_equal(again.fused[out], held.fused[out])
    assert not np.array_equal(again.fused[~out], held.fused[~out])  # they were trained on the lies
    leaked = fit_choice(FEW[1], Designs(lies), out)
    honest = fit_choice(FEW[1], Designs(lies), ~out)
    assert not np.allclose(leaked.fused[out], honest.fused[out])


def test_random_scorers_gain_nothing_held_out_but_seem_to_when_leaked() -> None:
    held, leaked = [], []
    for seed in range(4):
        pools = make(40, [0.0] * 6, seed=seed)
        designs = Designs(pools)
        fused = cross_fit(designs, folds=4, inner=2, seed=seed, choices=FEW[1:2]).fused
        held.append(judge(pools, fused)["AP"].mean())
        leaked.append(judge(pools, fit_choice(FEW[1], designs, np.ones(40, bool)).fused)["AP"].mean())
    chance = sum(1 / rank for rank in range(1, 7)) / 6
    assert np.mean(held) < chance + 0.05 < np.mean(leaked)


def test_more_is_fitted_only_where_it_pays() -> None:
    everything = np.ones(1500, bool)
    alike = make(1500, [1.0, 1.0], seed=6)
    assert select(Designs(alike), everything, 3, 0, (DEFAULT, CHOICES[-2])) == DEFAULT
    one = make(1500, [2.0, 0.0], seed=6)
    assert select(Designs(one), everything, 3, 0, FEW).level == 1
    gated = make(1500, [3.0, 3.0], seed=6, gated=True)
    assert select(Designs(gated), everything, 3, 0, FEW).level == 2


# --- gains


def test_judging_by_hand_with_a_tie_and_a_short_list() -> None:
    pools = make(2, [1.0], n=4)
    pools.mask[1] = [True, True, False, False]
    pools.gold[:] = [2, 1]
    values = judge(pools, np.array([[0.0, 5, 3, 3], [1.0, 2.0, 99, 99]]))
    assert values["R@1"].tolist() == [0.0, 1.0]
    assert values["R@2"].tolist() == [0.5, 1.0]
    assert values["AP"] == pytest.approx([(1 / 2 + 1 / 3) / 2, 1.0])


def test_a_mean_over_datasets_counts_each_alike() -> None:
    pools = make(0, [0.0], parts=[make(10, [0.0]), make(90, [0.0], seed=1)])
    values = np.where(pools.dataset == 0, 1.0, 0.0)
    found = estimate(values, pools, resamples=50)
    assert found["data0"].mean == 1.0 and found["data1"].mean == 0.0 and found[""].mean == 0.5
    assert (found[""].low, found[""].high, found[""].n) == (0.5, 0.5, 100)


def test_dialogues_widen_intervals_and_tests() -> None:
    """Forty conversations in four dialogues, all alike within one: four facts, not forty."""
    values = np.repeat([1.0, 1.0, 1.0, 0.0], 10)
    zeros = np.zeros(40)
    alone = gain(values, zeros, make(40, [0.0]))["data0"]
    together = gain(values, zeros, make(40, [0.0], dialogue=10))["data0"]
    assert alone.mean == together.mean == 0.75
    assert together.high - together.low > 2 * (alone.high - alone.low)
    # three dialogues of four differ: of 16 sign patterns 4 are as extreme
    assert together.p == pytest.approx(4 / 16) and alone.p is not None and alone.p < 0.001
