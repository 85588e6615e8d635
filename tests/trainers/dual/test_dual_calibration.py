"""What the gates are fitted on, and that they come out as the data want them."""

import numpy as np
import pytest
import torch

from retriever.errors import InputError
from trainers.dual.calibration import NO_STICKER, calibrate, draw_lists
from trainers.dual.model import FLOOR, PARTS, Bank, Combination
from trainers.dual.wide import STRENGTH, Grams, Wide, fit_wide

N_STICKERS = 12


def make_bank(emoji: bool = False) -> Bank:
    """Twelve stickers of emotions 0 to 3, the first six of 0; the last one's emoji is not in the data."""
    emotion = torch.tensor([0] * 6 + [1] * 3 + [2] * 2 + [3])
    signs = torch.tensor([*range(11), -1]) if emoji else torch.full((12,), -1)
    golds = torch.ones(12, dtype=torch.bool)
    return Bank(torch.zeros(12, 4), emotion, torch.full((12,), -1), signs, golds)


def test_a_list_has_no_label_twice_however_common_it_is() -> None:
    groups = make_bank().emotion.numpy()
    right = groups[None] == np.array([[1], [0], [7]])  # nobody has label 7
    rows, lists = draw_lists(right, groups)
    assert sorted(set(rows.tolist())) == [0, 1] and len(rows) == 8
    for row, drawn in zip(rows, lists, strict=True):
        real = drawn[drawn != NO_STICKER]
        assert groups[real[0]] == (1, 0)[row]
        assert sorted(groups[real].tolist()) == [0, 1, 2, 3]
    again = draw_lists(right, groups)
    np.testing.assert_array_equal(lists, again[1])


def test_a_sticker_without_label_is_drawn_for_nobody() -> None:
    groups = np.array([0, 0, -1, 1, -1])
    _, lists = draw_lists(np.array([[True, True, False, False, False]]), groups)
    assert not np.isin(lists, [2, 4]).any()


@pytest.mark.parametrize("helpful", ["emotion", "wide_emotion"])
def test_the_part_that_knows_gets_the_weight(helpful: str) -> None:
    """In the first domain one part names the right label, in the second another; the rest is noise."""
    torch.manual_seed(0)
    bank, k = make_bank(), 200
    emotion = torch.randint(0, 3, (k,))
    domain = torch.arange(k) % 2
    values = torch.randn(k, N_STICKERS, len(PARTS))
    knows = torch.where(bank.emotion[None] == emotion[:, None], 1.0, -1.0)
    values[domain == 0, :, PARTS.index(helpful)] += knows[domain == 0]
    values[domain == 1, :, PARTS.index("intention")] += knows[domain == 1]
    combination = Combination(2)
    posterior = torch.nn.functional.one_hot(domain, 2).float().clamp(min=1e-6).log()
    calibrate(combination, posterior, values, emotion, torch.full((k,), -1), bank, domain)
    gates = combination.gates().detach()
    assert PARTS[int(gates[0].argmax())] == helpful
    assert PARTS[int(gates[1].argmax())] == "intention"
    assert (gates >= 0).all() and (gates[:, PARTS.index("likeness")] >= FLOOR).all()


def test_rows_with_an_emoji_and_rows_with_an_emotion_together() -> None:
    torch.manual_seed(0)
    bank, k = make_bank(emoji=True), 60
    by_emoji = torch.arange(k) % 2 == 0
    emotion = torch.where(by_emoji, -1, torch.randint(0, 3, (k,)))
    emoji = torch.where(by_emoji, torch.randint(0, 11, (k,)), -1)
    values = torch.randn(k, N_STICKERS, len(PARTS))
    for part in ("emoji", "wide_emoji"):
        values[:, -1, PARTS.index(part)] = torch.nan
    combination = Combination(2)
    either = torch.full((k, 2), 0.5).log()
    loss = calibrate(combination, either, values, emotion, emoji, bank, by_emoji.long())
    assert np.isfinite(loss) and torch.isfinite(combination.gates()).all()


def test_parts_that_tell_emoji_apart_are_shut_where_nobody_names_one() -> None:
    """They help in both domains; in the first that can only be chance."""
    torch.manual_seed(0)
    bank, k = make_bank(emoji=True), 120
    domain = torch.arange(k) % 2
    emotion = torch.where(domain == 0, torch.randint(0, 3, (k,)), -1)
    emoji = torch.where(domain == 1, torch.randint(0, 11, (k,)), -1)
    right = torch.where(
        domain[:, None] == 0, bank.emotion[None] == emotion[:, None], bank.emoji[None] == emoji[:, None]
    )
    values = torch.randn(k, N_STICKERS, len(PARTS)) * 0.1
    for part in ("emoji", "wide_emoji"):
        values[:, :, PARTS.index(part)] += right * 2.0
    combination = Combination(2)
    posterior = torch.nn.functional.one_hot(domain, 2).float().clamp(min=1e-6).log()
    calibrate(combination, posterior, values, emotion, emoji, bank, domain)
    gates = combination.gates().detach()
    for part in ("emoji", "wide_emoji"):
        assert gates[0, PARTS.index(part)] == 0 and gates[1, PARTS.index(part)] > 0.5


def test_no_row_to_fit_on() -> None:
    values = torch.zeros(2, N_STICKERS, len(PARTS))
    nobody = torch.full((2,), -1)
    with pytest.raises(InputError, match="raise held_out"):
        calibrate(
            Combination(1), torch.zeros(2, 1), values, nobody, nobody, make_bank(), torch.zeros(2).long()
        )


@pytest.mark.parametrize("leak", [1e-6, 1e-2])
def test_a_domain_that_no_row_is_of_gets_the_mean_of_the_others(leak: float) -> None:
    torch.manual_seed(0)
    bank, k = make_bank(), 200
    emotion, domain = torch.randint(0, 3, (k,)), torch.arange(k) % 2
    values = torch.randn(k, N_STICKERS, len(PARTS))
    knows = torch.where(bank.emotion[None] == emotion[:, None], 1.0, -1.0)
    values[:, :, PARTS.index("emotion")] += knows
    values[domain == 1, :, PARTS.index("intention")] += knows[domain == 1]
    combination = Combination(3)
    posterior = torch.nn.functional.one_hot(domain, 3).float().clamp(min=leak).log().log_softmax(1)
    calibrate(combination, posterior, values, emotion, torch.full((k,), -1), bank, domain)
    weights = combination.weights.detach()
    assert weights[2, PARTS.index("emotion")] > 0.3 and weights[2, PARTS.index("emoji")] == 0
    torch.testing.assert_close(weights[2], weights[:2].mean(0))


@pytest.mark.parametrize("n_labels", [2, 3])
def test_the_linear_model_learns_and_leaves_rows_without_label_out(n_labels: int) -> None:
    """Bucket `l` means label `l`; a label that nobody has is never the answer."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, n_labels, 90)
    rows = [np.unique([label, *rng.integers(5, 30, 4)]) for label in labels]
    wide = Wide(30, 4)
    with_unknown = np.where(np.arange(90) % 9 == 0, -1, labels)
    fit_wide(wide, rows, with_unknown)
    logits = wide(Grams.of(rows, 30))
    assert (logits.argmax(1).numpy() == labels).mean() > 0.9
    assert (logits.softmax(1)[:, n_labels:] < 0.01).all()


def test_rare_n_grams_are_heavier_and_readers_need_not_weigh(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the table says of balanced features is what the regression says of weighted ones.

    Of ten buckets the first two are of words, four of pairs, four of characters.
    """
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(1)
    labels = rng.integers(0, 3, 200)
    common = rng.integers(3, 8, (200, 6))
    rows = [np.unique([label, *own]) if at % 4 == 0 else np.unique(own)
            for at, (label, own) in enumerate(zip(labels, common, strict=True))]  # fmt: skip
    seen = np.zeros((200, 10))
    for at, row in enumerate(rows):
        seen[at, row] = 1
    rarity = np.log(201 / (1 + seen.sum(0))) + 1
    weighted = np.zeros_like(seen)
    for kind in (slice(0, 2), slice(2, 6), slice(6, 10)):
        rarity[kind] /= np.sqrt((rarity[kind] ** 2 * seen[:, kind].sum(0)).sum() / seen[:, kind].sum())
        of_kind = np.maximum(seen[:, kind].sum(1, keepdims=True), 1)
        weighted[:, kind] = seen[:, kind] * rarity[kind] / np.sqrt(3 * of_kind)
    reference = LogisticRegression(C=STRENGTH, max_iter=500, tol=1e-6).fit(weighted, labels)
    monkeypatch.setattr("trainers.dual.wide._TOLERANCE", 1e-6)
    monkeypatch.setattr("trainers.dual.wide._STEPS", 500)
    wide = Wide(10, 3)
    fit_wide(wide, rows, labels)
    said = wide(Grams.of(rows, 10)).softmax(1).numpy()
    np.testing.assert_allclose(said, reference.predict_proba(weighted), atol=1e-3)
    assert rarity[2] > 1.2 * rarity[3:6].max()


def test_a_linear_model_without_any_label_says_nothing() -> None:
    wide = Wide(8, 3)
    rows = [np.array([1, 2])]
    fit_wide(wide, rows, np.array([-1]))
    logits = wide(Grams.of(rows, 8))
    assert torch.allclose(logits.softmax(1), torch.full((1, 3), 1 / 3))
