"""Algorithm 1 by its worked example, its printed form, and a slow reference."""

import math

import pytest
import torch

from retriever.labels import EMOTIONS
from trainers.mining import draw, negative_probabilities, sentiment_likeness, sticker_polarity

TEXT = torch.tensor([[0.75, 0.25]])
STICKERS = torch.tensor([[0.8, 0.2], [0.5, 0.5], [0.1, 0.9]])
NOBODY = torch.zeros(1, 3, dtype=torch.bool)


def scores_of(**emotions: float) -> list[float]:
    return [emotions.get(name, 0.0) for name in EMOTIONS]


def test_the_worked_example() -> None:
    """A text of polarity (3, 1): L1 distances .1, .5, 1.3, so SEN 1.9, 1.5, .7, so .507, .340, .153."""
    likeness = sentiment_likeness(TEXT, STICKERS)
    assert likeness[0].tolist() == pytest.approx([1.9, 1.5, 0.7], abs=1e-6)
    assert likeness.softmax(-1)[0].tolist() == pytest.approx([0.507, 0.340, 0.153], abs=5e-4)


def test_the_printed_formula_is_constant() -> None:
    likeness = sentiment_likeness(TEXT, STICKERS, "printed")
    assert likeness[0].tolist() == pytest.approx([2, 2, 2], abs=1e-6)
    sim = torch.tensor([[0.3, -0.2, 0.9]])
    mined = negative_probabilities(sim, likeness, NOBODY)
    assert torch.allclose(mined, negative_probabilities(sim, None, NOBODY), atol=1e-6)


def test_a_text_without_sentiment_finds_all_stickers_equally_hard() -> None:
    likeness = sentiment_likeness(torch.zeros(1, 2), STICKERS)
    assert likeness[0].tolist() == pytest.approx([1, 1, 1], abs=1e-6)


def test_sticker_polarity_by_hand() -> None:
    """Two scores an emotion; means: happiness 2, surprise 1, anger 1, fear .5, neutral 9 (ignored)."""
    means = scores_of(happiness=2, surprise=1, anger=1, fear=0.5, neutral=9)
    scores = torch.tensor([[value + shift for value in means for shift in (-3, 3)]])
    up, down = sticker_polarity(scores, "max")[0].tolist()
    assert (up, down) == pytest.approx((1 / (1 + math.exp(-1)), 1 / (1 + math.e)), abs=1e-6)
    up, down = sticker_polarity(scores, "sum")[0].tolist()  # 3 against 1.5
    assert (up, down) == pytest.approx((1 / (1 + math.exp(-1.5)), 1 / (1 + math.exp(1.5))), abs=1e-6)


def test_summing_favours_the_larger_group_and_the_maximum_does_not() -> None:
    flat = torch.tensor([scores_of(**dict.fromkeys(EMOTIONS, 1.0))])
    assert sticker_polarity(flat, "max")[0].tolist() == pytest.approx([0.5, 0.5])
    assert sticker_polarity(flat, "sum")[0, 1] > 0.85


def test_probabilities_equal_a_slow_reference() -> None:
    generator = torch.Generator().manual_seed(5)
    sim, sen = torch.randn(3, 4, generator=generator), 2 * torch.rand(3, 4, generator=generator)
    excluded = torch.tensor([[1, 0, 0, 0], [0, 1, 0, 1], [0, 0, 0, 1]], dtype=torch.bool)
    found = negative_probabilities(sim, sen, excluded, weight=2.0)
    for i in range(3):
        inner = [math.exp(float(v)) for v in sen[i]]
        outer = [math.exp(float(sim[i, j]) + 2 * inner[j] / sum(inner)) for j in range(4)]
        outer = [
            0.0 if excluded[i, j] else outer[j] / sum(outer) for j in range(4)
        ]  # released: zero, then draw
        assert found[i].tolist() == pytest.approx([p / sum(outer) for p in outer], rel=1e-5)


def test_absent_places_take_no_part_even_in_the_inner_softmax() -> None:
    sim, sen = torch.tensor([[0.1, 0.2, 0.3]]), torch.tensor([[1.9, 1.5, 0.7]])
    absent = torch.tensor([False, False, True])
    found = negative_probabilities(sim, sen, NOBODY, absent)
    smaller = negative_probabilities(sim[:, :2], sen[:, :2], NOBODY[:, :2])
    assert torch.allclose(found[:, :2], smaller) and found[0, 2] == 0


def test_sharp_likeness_leaves_something_to_draw() -> None:
    """At a temperature of 0.001 every other weight would underflow beside the gold's."""
    sim = torch.tensor([[1.0, -0.2, -0.3]]) / 0.001
    found = negative_probabilities(sim, None, torch.tensor([[True, False, False]]))
    assert found[0].tolist() == pytest.approx([0, 1, 0], abs=1e-6)


def test_a_row_with_nothing_left_is_drawn_as_nothing() -> None:
    excluded = torch.tensor([[True, True], [False, True]])
    found = negative_probabilities(torch.zeros(2, 2), torch.ones(2, 2), excluded)
    assert found.tolist() == [[0, 0], [1, 0]]
    chosen, possible = draw(found)
    assert chosen.tolist() == [0, 0] and possible.tolist() == [False, True]


def test_draws_follow_the_probabilities() -> None:
    torch.manual_seed(0)
    rows = torch.tensor([[0.5, 0.3, 0.2, 0.0]]).repeat(20_000, 1)
    chosen, possible = draw(rows)
    assert possible.all()
    shares = torch.bincount(chosen, minlength=4) / len(rows)
    assert shares.tolist() == pytest.approx([0.5, 0.3, 0.2, 0.0], abs=0.02)
    assert shares[3] == 0
