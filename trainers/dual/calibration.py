"""Fitting what combines the parts of a score, on rows that the parts have not been trained on.

Stacked generalisation (Wolpert 1992): a combiner that sees its parts on their own training rows trusts
whichever has learnt them by heart. A list has the right sticker and one sticker of each of some other labels,
so that what is fitted says which label is meant: where labels come in lists as often as they come in packs,
the gates learn how common a label's stickers are, and pay for it with every conversation.

Gates are not negative (Breiman 1996 found that stacking needs it) and cost a little each, so that a part
which knows nothing in a domain is shut and not merely turned down: where labels are nearly as likely as each
other, a little noise decides.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from retriever.errors import InputError
from trainers.dual.model import PARTS, Bank, Combination, targets

__all__ = ["calibrate", "draw_lists"]

STEPS = 400
LR = 0.05
PRICE = 0.01
"""What a gate of 1 costs, in nats."""
DRAWS = 4
OTHERS = 9
NO_STICKER = -1


def calibrate(
    combination: Combination,
    domain: Tensor,
    values: Tensor,
    emotion: Tensor,
    emoji: Tensor,
    bank: Bank,
    source: Tensor,
    closed: Sequence[str] = (),
) -> float:
    """Fit `combination` in place; gives the loss reached. The same inputs give the same gates.

    Args:
        domain: (k, m) log probabilities of the held-out rows' domains.
        values: (k, d, 6) of `DualModule.values`.
        emotion, emoji: (k,) labels, -1 where unknown; an emoji is what decides where there is one.
        source: (k,) which dataset each row is of; datasets count alike, however long. One that no row is of
            gets the mean of the others' gates.
        closed: `PARTS` that nobody fitted; their gates are 0.

    Raises:
        InputError: no row has a right sticker and a wrong one.
    """
    right, _, _ = targets(emotion, emoji, bank)
    by_emoji = draw_lists(_numpy((right & bank.golds)[emoji >= 0]), _groups(bank, by_emoji=True))
    by_emotion = draw_lists(_numpy((right & bank.golds)[emoji < 0]), _groups(bank, by_emoji=False))
    numbers = torch.arange(len(emoji), device=emoji.device)
    found = [
        (numbers[mask][torch.from_numpy(rows).to(emoji.device)], torch.from_numpy(lists).to(emoji.device))
        for mask, (rows, lists) in ((emoji >= 0, by_emoji), (emoji < 0, by_emotion))
    ]
    rows, lists = (torch.cat([pair[part] for pair in found]) for part in (0, 1))
    if not len(rows):
        raise InputError("no held-out conversation has both a right sticker and a wrong one; raise held_out")
    drawn = values[rows[:, None], lists.clamp(min=0)]  # (r, 10, 6)
    counts = torch.bincount(source[rows], minlength=len(combination.weights))
    weights = 1 / counts[source[rows]].float()
    nobody = counts == 0  # a gate that no row speaks for would be shut by its price
    gold = torch.zeros(len(rows), dtype=torch.int64, device=values.device)
    shut = _shut(combination, emoji, source)
    shut[:, [PARTS.index(part) for part in closed]] = True
    with torch.enable_grad():
        for parameter in combination.parameters():
            parameter.requires_grad_(True)
        combination.reset()
        with torch.no_grad():
            combination.weights[shut] = 0
        optimizer = torch.optim.Adam(combination.parameters(), lr=LR)
        for _ in range(STEPS):
            optimizer.zero_grad()
            scores = combination(domain[rows], drawn).masked_fill(lists == NO_STICKER, -1e9)
            loss = (F.cross_entropy(scores, gold, reduction="none") * weights).sum() / weights.sum()
            torch.autograd.backward(loss + PRICE * combination.weights.sum())
            optimizer.step()
            with torch.no_grad():
                combination.weights.clamp_(min=0)[shut] = 0
                combination.weights[nobody] = combination.weights[~nobody].mean(0)
        for parameter in combination.parameters():
            parameter.requires_grad_(False)
    return float(loss.detach())


def _shut(combination: Combination, emoji: Tensor, source: Tensor) -> Tensor:
    """(m, 6): the gates of emoji in domains whose rows name none."""
    shut = torch.zeros_like(combination.weights, dtype=torch.bool)
    for domain in range(len(shut)):
        if not (emoji[source == domain] >= 0).any():
            shut[domain, [PARTS.index("emoji"), PARTS.index("wide_emoji")]] = True
    return shut


def draw_lists(
    right: NDArray[Any], groups: NDArray[np.int64], seed: int = 0
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """`DRAWS` lists a row: (r,) row numbers and (r, 10) stickers, the right one first, no label twice.

    Args:
        right: (k, d) boolean: which stickers may be the right one of a row; rows without any are left out.
        groups: (d,) the label of every sticker; -1 is drawn for nobody. Lists of few labels end with
            `NO_STICKER`.
    """
    rng = np.random.default_rng(seed)
    usable = np.flatnonzero(groups >= 0)
    rows, lists = [], []
    for row, its in enumerate(right):
        golds = np.flatnonzero(its)
        wrong = usable[~its[usable]]
        if not len(golds) or not len(wrong):
            continue
        for _ in range(DRAWS):
            order = rng.permutation(wrong)
            one_each = order[np.unique(groups[order], return_index=True)[1]]
            others = rng.permutation(one_each)[:OTHERS]
            drawn = np.full(1 + OTHERS, NO_STICKER)
            drawn[0], drawn[1 : 1 + len(others)] = rng.choice(golds), others
            rows.append(row)
            lists.append(drawn)
    return np.array(rows, np.int64), np.array(lists, np.int64).reshape(-1, 1 + OTHERS)


def _groups(bank: Bank, by_emoji: bool) -> NDArray[np.int64]:
    """The label of every sticker that golds are drawn from; an emoji that the data lack is one of its own."""
    if not by_emoji:
        return np.where(_numpy(bank.golds), _numpy(bank.emotion), -1)
    emoji = _numpy(bank.emoji)
    own = np.where(emoji >= 0, emoji, len(emoji) + np.arange(len(emoji)))
    return np.where(_numpy(bank.golds), own, -1)


def _numpy(tensor: Tensor) -> NDArray[Any]:
    return tensor.cpu().numpy()
