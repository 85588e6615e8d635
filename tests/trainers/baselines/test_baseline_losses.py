"""The baselines' losses by hand."""

import math

import pytest
import torch
from torch.nn import functional as F

from trainers.baselines.irra import hide_words, identity_loss, similarity_distribution_matching
from trainers.baselines.lgur import triplets
from trainers.baselines.mod_gpt import nearest_sticker, next_piece
from trainers.baselines.pcme import gaussian_kl, soft_contrast, uniformity
from trainers.baselines.srs import candidate_hinge, told_meaning

APART = torch.eye(2, dtype=torch.bool)


def softmax(*values: float) -> list[float]:
    exps = [math.exp(value) for value in values]
    return [value / sum(exps) for value in exps]


def test_distribution_matching_is_kl_from_the_matches() -> None:
    images = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    texts = torch.tensor([[0.6, 0.8], [0.0, 1.0]])
    # cosines, images by texts: [[.6, 0], [.8, 1]]; at temperature 0.5 twice that
    total = 0.0
    for rows in ([(1.2, 0.0), (1.6, 2.0)], [(1.2, 1.6), (0.0, 2.0)]):
        for own, row in enumerate(rows):
            said, true = softmax(*row), [1e-8, 1e-8]
            true[own] = 1 + 1e-8
            total += sum(p * (math.log(p) - math.log(q)) for p, q in zip(said, true, strict=True)) / 2
    found = similarity_distribution_matching(images, texts, APART, 0.5)
    assert found.item() == pytest.approx(total, rel=1e-5)


def test_equal_stickers_share_the_true_distribution() -> None:
    same = torch.ones(2, 2, dtype=torch.bool)
    vectors = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    assert similarity_distribution_matching(vectors, vectors, same, 0.02).item() == pytest.approx(0, abs=1e-6)
    assert similarity_distribution_matching(vectors, vectors, APART, 0.02).item() > 5


def test_identity_is_the_mean_of_both_sides() -> None:
    images, texts = torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, 1.0]])
    expected = -(math.log(softmax(2, 0)[0]) + math.log(softmax(0, 1)[0])) / 2
    assert identity_loss(images, texts, torch.tensor([0])).item() == pytest.approx(expected, abs=1e-6)


def test_hidden_words_are_words_in_berts_shares() -> None:
    torch.manual_seed(0)
    ids = torch.full((200, 100), 7)
    words = torch.ones_like(ids, dtype=torch.bool)
    words[:, :10] = False
    hidden, chosen = hide_words(ids, words, 0.15, mask=4, vocabulary=1000)
    assert not chosen[:, :10].any() and bool((hidden == ids)[~chosen].all())
    assert chosen[:, 10:].float().mean().item() == pytest.approx(0.15, abs=0.01)
    of_chosen = hidden[chosen]
    assert (of_chosen == 4).float().mean().item() == pytest.approx(0.8, abs=0.03)
    assert (of_chosen == 7).float().mean().item() == pytest.approx(0.1, abs=0.03)


def test_soft_contrast_is_the_log_of_a_mean_probability() -> None:
    logits = torch.zeros(2, 2, 1, 2)
    logits[0, 0, 0] = torch.tensor([1.0, 3.0])  # what matches
    logits[0, 1, 0] = torch.tensor([-2.0, 0.0])  # what does not

    def sigmoid(x: float) -> float:
        return 1 / (1 + math.exp(-x))

    right, wrong = (sigmoid(1) + sigmoid(3)) / 2, (sigmoid(2) + sigmoid(0)) / 2
    expected = -(math.log(right) + math.log(wrong) + 2 * math.log(0.5)) * 2 / 2
    assert soft_contrast(logits, APART).item() == pytest.approx(expected, abs=1e-6)


def test_kl_to_the_unit_gaussian() -> None:
    zero = torch.zeros(1, 2)
    assert gaussian_kl(zero, zero).item() == 0
    mean, log_variance = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, math.log(4)]])
    expected = 0.5 * (1 + 0 + 1 - 1) + 0.5 * (4 + 0 - 1 - math.log(4))
    assert gaussian_kl(mean, log_variance).item() == pytest.approx(expected, abs=1e-6)


def test_uniformity_of_three_points() -> None:
    points = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    expected = math.log((math.exp(-2) + math.exp(-2) + math.exp(-4)) / 3)
    assert uniformity(points).item() == pytest.approx(expected, abs=1e-6)


def test_triplets_take_semi_hard_negatives_alone() -> None:
    first = F.normalize(torch.tensor([[1.0, 0.0], [0.6, 0.8]]), dim=-1)
    # cosines [[1, .6], [.6, 1]], margin .5: .5 - 1 + .6 = .1 is semi-hard for all four anchors
    found = triplets(first, first, APART, 0.5)
    assert found.item() == pytest.approx(4 * 0.1, abs=1e-6)
    assert triplets(first, first, APART, 0.3).item() == 0  # easy: .3 - 1 + .6 < 0
    # swapped, own .6 and other 1: .5 - .6 + 1 = .9 is beyond the margin: too hard
    assert triplets(first, first.flip(0), APART, 0.5).item() == 0
    everything = torch.ones(2, 2, dtype=torch.bool)
    assert triplets(first, first, everything, 0.5).item() == 0


def test_hinge_is_the_mean_over_other_candidates() -> None:
    scores = torch.tensor([[2.0, 1.5, -5.0], [0.0, 1.0, 9.0]])
    counted = torch.tensor([[False, True, True], [True, False, False]])
    # 1 - 2 + 1.5 = .5, 0; and 1 - 1 + 0 = 0
    assert candidate_hinge(scores, torch.tensor([0, 1]), counted, 1.0).item() == pytest.approx(0.5 / 3)
    assert candidate_hinge(scores, torch.tensor([0, 1]), counted & False, 1.0).item() == 0


def test_meaning_counts_candidates_and_skips_the_unlabelled() -> None:
    scores = torch.tensor([[2.0, 0.0], [0.0, 0.0], [50.0, 0.0]])
    label, counts = torch.tensor([0, 1, -1]), torch.tensor([3, 1, 7])
    first = -math.log(softmax(2, 0)[0])
    expected = (3 * first + math.log(2)) / 4
    assert told_meaning(scores, label, counts, 0.0).item() == pytest.approx(expected, abs=1e-6)
    smooth = (3 * (0.95 * first - 0.05 * math.log(softmax(2, 0)[1])) + math.log(2)) / 4
    assert told_meaning(scores, label, counts, 0.1).item() == pytest.approx(smooth, abs=1e-6)
    assert told_meaning(scores, torch.full((3,), -1), counts, 0.1).item() == 0


def test_the_nearest_sticker_by_hand() -> None:
    said, stickers = torch.tensor([[0.0, 0.0]]), torch.tensor([[3.0, 4.0], [0.0, 1.0]])
    expected = -math.log(softmax(-5, -1)[1])
    assert nearest_sticker(said, stickers, torch.tensor([1])).item() == pytest.approx(expected, abs=1e-6)
    warmer = -math.log(softmax(-2.5, -0.5)[1])
    assert nearest_sticker(said, stickers, torch.tensor([1]), 2).item() == pytest.approx(warmer, abs=1e-6)
    assert next_piece(torch.zeros(0, 5), torch.zeros(0, dtype=torch.int64)).item() == 0
    assert next_piece(torch.zeros(3, 5), torch.tensor([0, 1, 4])).item() == pytest.approx(math.log(5))
