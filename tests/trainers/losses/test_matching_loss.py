"""The matching loss by hand, in both readings of equation 5."""

import math

import pytest
import torch

from trainers.losses.matching import one_sided_matching, two_sided_matching


def logits(*probabilities: float) -> torch.Tensor:
    """Pairs whose probability to match is given."""
    return torch.tensor([[math.log(1 - p), math.log(p)] for p in probabilities])


def test_two_sided_is_the_mean_over_all_pairs() -> None:
    positives, negatives = logits(0.8, 0.5), logits(0.1, 0.25, 0.4, 0.5)
    expected = -sum(math.log(p) for p in (0.8, 0.5, 0.9, 0.75, 0.6, 0.5)) / 6
    loss = two_sided_matching(positives, negatives, torch.ones(4, dtype=torch.bool))
    assert loss.item() == pytest.approx(expected, abs=1e-6)


def test_one_sided_is_equation_5() -> None:
    expected = -(math.log(0.8) + math.log(1 - 0.1) + math.log(0.5) + math.log(1 - 0.25)) / 2
    loss = one_sided_matching(logits(0.8, 0.5), logits(0.1, 0.25), torch.ones(2, dtype=torch.bool))
    assert loss.item() == pytest.approx(expected, abs=1e-6)


def test_what_could_not_be_drawn_does_not_count_and_has_no_gradient() -> None:
    positives, negatives = logits(0.8), logits(0.1, 0.9).requires_grad_()
    loss = two_sided_matching(positives, negatives, torch.tensor([True, False]))
    assert loss.item() == pytest.approx(-(math.log(0.8) + math.log(0.9)) / 2, abs=1e-6)
    loss.backward()
    assert negatives.grad is not None and negatives.grad[1].abs().sum() == 0
    assert negatives.grad[0].abs().sum() > 0
    nothing = torch.tensor([False])
    assert one_sided_matching(logits(0.8), logits(0.9), nothing).item() == pytest.approx(-math.log(0.8))
