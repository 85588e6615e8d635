"""MMBERT's losses against numbers worked out by hand, masking against its shares, pairs' rules."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny_mmbert import tiny_data
from torch.nn import functional as F

from retriever.errors import InputError
from trainers.mmbert.config import NegativesConfig
from trainers.mmbert.losses import (
    IGNORED,
    matching_loss,
    mean_cross_entropy,
    semantic_loss,
    semantic_targets,
)
from trainers.mmbert.masking import mask_context
from trainers.mmbert.pairs import in_pairs


def test_matching_is_half_right_and_half_wrong_pairs() -> None:
    right = torch.tensor([[0.0, 0.0], [0.0, math.log(3)]])  # -log 1/2 and -log 3/4
    wrong = torch.tensor([[math.log(4), 0.0]])  # -log 4/5
    expected = ((math.log(2) + math.log(4 / 3)) / 2 + math.log(5 / 4)) / 2
    assert matching_loss(right, wrong).item() == pytest.approx(expected, abs=1e-6)


def test_a_mean_over_nothing_is_nought_and_has_a_gradient() -> None:
    logits = torch.zeros(2, 4, requires_grad=True)
    none = mean_cross_entropy(logits, torch.tensor([IGNORED, IGNORED]))
    none.backward()
    assert none.item() == 0 and logits.grad is not None and not logits.grad.any()
    assert mean_cross_entropy(logits, torch.tensor([1, IGNORED])).item() == pytest.approx(math.log(4))
    empty = mean_cross_entropy(logits[:0], torch.empty(0, dtype=torch.long))
    assert empty.item() == 0
    assert math.isnan(F.cross_entropy(logits, torch.tensor([IGNORED, IGNORED])).item())  # what is guarded


def test_slots_are_to_say_cls_and_the_words_at_their_right_end() -> None:
    words = torch.tensor([[-1, -1, -1, 7, 8], [-1, -1, -1, -1, -1], [-1, 4, 5, 6, 7]])
    assert semantic_targets(words, -1, 2).tolist() == [
        [IGNORED, IGNORED, 2, 7, 8],
        [IGNORED] * 5,
        [2, 4, 5, 6, 7],
    ]


def test_semantic_loss_by_hand_in_both_readings() -> None:
    targets = torch.tensor([[IGNORED, 2, 1], [IGNORED, IGNORED, IGNORED], [3, 0, 1]])
    logits = torch.zeros(3, 3, 4)
    logits[2, 0, 3] = math.log(5)  # there the right one has 5/8 of the probability
    four, other = math.log(4), math.log(8 / 5)
    mean, total = semantic_loss(logits, targets), semantic_loss(logits, targets, "sum")
    assert mean.item() == pytest.approx((4 * four + other) / 5, abs=1e-6)
    assert total.item() == pytest.approx((2 * four + (2 * four + other)) / 2, abs=1e-6)
    assert semantic_loss(logits, torch.full((3, 3), IGNORED), "sum").item() == 0


def test_masking_keeps_its_shares_and_what_may_not_be_chosen() -> None:
    torch.manual_seed(0)
    ids = torch.full((200, 100), 7)
    allowed = torch.ones_like(ids, dtype=torch.bool)
    allowed[:, :50] = False
    shown, chosen = mask_context(ids, allowed, 0.3, 4, 1000)
    assert not chosen[:, :50].any() and torch.equal(shown[~chosen], ids[~chosen])
    assert chosen[:, 50:].float().mean().item() == pytest.approx(0.3, abs=0.02)
    said = shown[chosen]
    assert (said == 4).float().mean().item() == pytest.approx(0.8, abs=0.02)
    assert (said == 7).float().mean().item() == pytest.approx(0.1, abs=0.02)
    other = said[(said != 4) & (said != 7)]
    assert len(other) / len(said) == pytest.approx(0.1, abs=0.02) and len(set(other.tolist())) > 100


def test_fixed_negatives_stay_and_fresh_ones_do_not() -> None:
    data = tiny_data(40)
    fixed, fresh = in_pairs(data, NegativesConfig()), in_pairs(data, NegativesConfig(when="epoch"))
    epochs = [[fixed.draw(at, epoch).candidates for at in range(40)] for epoch in range(3)]
    assert epochs[0] == epochs[1] == epochs[2]
    changing = [[fresh.draw(at, epoch).candidates for at in range(40)] for epoch in range(2)]
    assert changing[0] != changing[1]
    assert changing[1] == [fresh.draw(at, 1).candidates for at in range(40)]
    for lists in (*epochs, *changing):
        for sample, (right, wrong) in zip(data.samples, lists, strict=True):
            assert right == sample.sticker != wrong
    assert len({wrong for _, wrong in epochs[0]}) == 4  # any sticker that was sent
    other = in_pairs(data, NegativesConfig(seed=1))
    assert [other.draw(at).candidates for at in range(40)] != epochs[0]


def test_the_pool_of_negatives() -> None:
    data = tiny_data(16)
    samples = [replace(s, candidates=(s.sticker, None, "gold"), gold=0) for s in data.samples]
    listed = in_pairs(replace(data, samples=samples), NegativesConfig(pool="candidates"))
    for at, sample in enumerate(samples):
        wrong = listed.draw(at).candidates[1]
        assert wrong == "gold" if sample.sticker != "gold" else wrong in {"red", "green", "blue"}
    # a sticker that nobody sent is no negative
    seen = in_pairs(replace(data, samples=samples[:2]), NegativesConfig())
    assert {seen.draw(at).candidates[1] for at in range(2)} == {"red", "green"}
    same = replace(data, samples=[s for s in samples if s.sticker == "red"])
    with pytest.raises(InputError, match="sent the same sticker 'red'"):
        in_pairs(same, NegativesConfig())


def test_pairs_of_drawn_candidates_follow_the_epoch() -> None:
    data = tiny_data(8)
    bare = [replace(sample, candidates=(), gold=0) for sample in data.samples]
    ids = data.stickers.ids

    def drawn(index: int, epoch: int) -> tuple[tuple[str, ...], int]:
        others = [id_ for id_ in ids if id_ != bare[index].sticker]
        return (bare[index].sticker, others[epoch % 3]), 0

    data = replace(data, samples=bare, drawn=drawn)
    fresh = in_pairs(data, NegativesConfig(when="epoch", pool="candidates"))
    fixed = in_pairs(data, NegativesConfig(pool="candidates"))
    assert [fresh.draw(0, epoch).candidates[1] for epoch in range(3)] == ["green", "blue", "gold"]
    assert [fixed.draw(0, epoch).candidates[1] for epoch in range(3)] == ["green"] * 3
    assert np.all([len(fresh.samples[at].candidates) == 0 for at in range(8)])
