"""InfoNCE both ways against plain loops and numbers worked out by hand."""

import math

import pytest
import torch
from torch import Tensor

from trainers.losses.alignment import image_to_text, text_to_image

ONE = torch.tensor(1.0)


def unit_rows(*shape: int, seed: int = 0) -> Tensor:
    return torch.nn.functional.normalize(
        torch.randn(*shape, generator=torch.Generator().manual_seed(seed)), dim=-1
    )


def test_image_to_text_by_hand() -> None:
    """Cosines 1 and 0 for both golds, temperature 1/2: -log(e^2 / (e^2 + 1))."""
    golds = texts = torch.eye(2)
    assert image_to_text(golds, texts, torch.tensor(0.5)).item() == pytest.approx(
        math.log(1 + math.exp(-2)), abs=1e-6
    )


def test_text_to_image_by_hand() -> None:
    """One conversation, cosines 0.6 (gold) and 0.8: log(1 + e^0.2)."""
    texts = torch.tensor([[1.0, 0.0]])
    candidates = torch.tensor([[[0.8, 0.6], [0.6, 0.8]]])
    loss = text_to_image(texts, candidates, torch.tensor([1]), ONE)
    assert loss.item() == pytest.approx(math.log(1 + math.exp(0.2)), abs=1e-6)


def test_both_equal_slow_loops() -> None:
    golds, texts, candidates = unit_rows(5, 8), unit_rows(5, 8, seed=1), unit_rows(5, 4, 8, seed=2)
    gold = torch.tensor([3, 0, 1, 2, 3])
    temperature = 0.07
    slow = {"i2t": 0.0, "t2i": 0.0}
    for i in range(5):
        over_texts = [math.exp(float(golds[i] @ texts[j]) / temperature) for j in range(5)]
        slow["i2t"] -= math.log(over_texts[i] / sum(over_texts)) / 5
        over_own = [math.exp(float(texts[i] @ candidates[i, j]) / temperature) for j in range(4)]
        slow["t2i"] -= math.log(over_own[int(gold[i])] / sum(over_own)) / 5
    t = torch.tensor(temperature)
    assert image_to_text(golds, texts, t).item() == pytest.approx(slow["i2t"], rel=1e-5)
    assert text_to_image(texts, candidates, gold, t).item() == pytest.approx(slow["t2i"], rel=1e-5)


def test_what_is_left_out_is_as_if_it_were_not_there() -> None:
    golds, texts, candidates = unit_rows(3, 8), unit_rows(3, 8, seed=1), unit_rows(3, 4, 8, seed=2)
    gold = torch.tensor([1, 0, 2])
    left_out = torch.zeros(3, 4, dtype=torch.bool)
    left_out[:, 3] = True
    assert torch.allclose(
        text_to_image(texts, candidates, gold, ONE, left_out),
        text_to_image(texts, candidates[:, :3], gold, ONE),
    )
    pairs = torch.zeros(3, 3, dtype=torch.bool)
    pairs[0, 2] = pairs[2, 0] = True
    scores = golds @ texts.T
    by_hand = -torch.stack(
        [
            scores[0, :2].log_softmax(0)[0],
            scores[1].log_softmax(0)[1],
            scores[2, 1:].log_softmax(0)[1],
        ]
    ).mean()
    assert torch.allclose(image_to_text(golds, texts, ONE, pairs), by_hand)


def test_the_true_pair_counts_even_where_it_is_said_to_be_left_out() -> None:
    texts, candidates = unit_rows(2, 8), unit_rows(2, 3, 8, seed=1)
    gold = torch.tensor([0, 2])
    everything = torch.ones(2, 3, dtype=torch.bool)
    assert text_to_image(texts, candidates, gold, ONE, everything).item() == 0
    assert image_to_text(texts, texts, ONE, torch.ones(2, 2, dtype=torch.bool)).item() == 0


def test_computed_in_float32_under_bfloat16() -> None:
    golds, texts = unit_rows(16, 64), unit_rows(16, 64, seed=1)
    exact = image_to_text(golds, texts, torch.tensor(0.01))
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(image_to_text(golds, texts, torch.tensor(0.01)), exact)
