"""Nested cross-validation: a fusion is chosen and fitted without the conversations that it is judged on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eval.fitting.designs import Designs
from eval.fitting.folds import assign_folds
from eval.fitting.methods import Choice, Fit, choices_for, fit_choice
from eval.fitting.pools import Floats, Ints, Pools
from eval.metrics import average_precision, recall_at_k

__all__ = ["HeldOut", "cross_fit", "judge", "select"]

Step = Callable[[], None]


@dataclass(frozen=True)
class HeldOut:
    """What a fusion is worth on conversations that it was not chosen or fitted on.

    Attributes:
        fold: ``(q,)``, the fold in which a conversation was held out.
        fits: the fit of each fold, made without it.
        fused: ``(q, n)``, each conversation fused by the fit of its fold.
    """

    fold: Ints
    fits: tuple[Fit, ...]
    fused: Floats


def cross_fit(
    designs: Designs,
    *,
    folds: int = 5,
    inner: int = 4,
    seed: int = 0,
    choices: Sequence[Choice] = (),
    step: Step | None = None,
) -> HeldOut:
    """In every fold: choose by inner folds of the rest, fit on the rest, fuse the fold.

    Args:
        choices: what to choose from; empty takes `choices_for` the scorers.
        step: called after every choice tried, `folds` times their number in all.

    Raises:
        InputError: too few dialogues for the folds.
        MissingExtra, ModelError: a fit failed.
    """
    pools = designs.pools
    fold = assign_folds(pools.group, pools.dataset, folds, seed)
    fused = np.zeros(pools.mask.shape)
    fits = []
    for held in range(folds):
        train = fold != held
        fit = fit_choice(select(designs, train, inner, seed + 1, choices, step), designs, train)
        fused[~train] = fit.fused[~train]
        fits.append(fit)
    return HeldOut(fold, tuple(fits), fused)


def select(
    designs: Designs,
    rows: NDArray[np.bool_],
    folds: int,
    seed: int,
    choices: Sequence[Choice] = (),
    step: Step | None = None,
) -> Choice:
    """The way to fuse that ranks golds highest (average precision) in held-out folds of `rows` ``(q,)``.

    Of those within one standard error of the best (Breiman et al., "Classification and Regression Trees",
    1984), the first of `choices` is taken: more is fitted only where it pays.
    """
    pools = designs.pools
    choices = choices or choices_for(pools.scorers)
    part = pools.take(rows)
    fold = np.full(len(pools), -1)
    fold[rows] = assign_folds(part.group, part.dataset, folds, seed)
    values = np.zeros((len(choices), len(part)))
    for at, choice in enumerate(choices):
        fused = np.zeros(part.mask.shape)
        for held in range(folds):
            fit = fit_choice(choice, designs, rows & (fold != held))
            fused[fold[rows] == held] = fit.fused[fold == held]
            if choice.level == 0:
                fused = fit.fused[rows]
                break
        values[at] = judge(part, fused)["AP"]
        if step:
            step()
    means = values @ part.weight
    best = int(np.argmax(means))
    for at, choice in enumerate(choices):
        lost = values[best] - values[at]
        error = np.sqrt(part.weight**2 @ (lost - part.weight @ lost) ** 2)
        if means[best] - means[at] <= error:
            return choice
    return choices[best]


def judge(pools: Pools, fused: Floats) -> dict[str, Floats]:
    """``R@1``, ``R@2``, ``R@5`` and ``AP`` of each conversation, ``(q,)``; ties by their expectation.

    Args:
        fused: ``(q, n)``.
    """
    sizes = pools.mask.sum(axis=1)
    values = {name: np.zeros(len(pools)) for name in ("R@1", "R@2", "R@5", "AP")}
    for n in np.unique(sizes):
        rows = np.flatnonzero(sizes == n)
        right = np.arange(n)[None, :] == pools.gold[rows][:, None]
        scores = fused[rows, :n]
        for name, k in (("R@1", 1), ("R@2", 2), ("R@5", 5)):
            values[name][rows] = recall_at_k(scores, right, k)
        values["AP"][rows] = average_precision(scores, right)
    return values
