"""Folds that keep the conversations of one dialogue together."""

import numpy as np

from eval.fitting.pools import Ints
from retriever.errors import InputError

__all__ = ["assign_folds"]


def assign_folds(group: Ints, dataset: Ints, folds: int, seed: int) -> Ints:
    """The fold of every conversation, ``(q,)``, from 0.

    Groups are dealt out in random order, each to the fold that has fewest conversations of the
    group's dataset, so folds are alike in size and in their share of each dataset.

    Args:
        group: ``(q,)``, numbers of dialogues; a group belongs to one dataset.
        dataset: ``(q,)``.
        folds: 2 or more.
        seed: of the order.

    Raises:
        InputError: fewer groups than folds.
    """
    rng = np.random.default_rng(seed)
    numbers, first, sizes = np.unique(group, return_index=True, return_counts=True)
    if folds < 2 or len(numbers) < folds:
        raise InputError(
            f"{len(group)} conversations of {len(numbers)} dialogues cannot be parted into {folds} folds; "
            "expected at least 2 folds and a dialogue for each"
        )
    filled = np.zeros((int(dataset.max()) + 1, folds))
    fold_of = np.zeros(int(numbers.max()) + 1, dtype=np.int64)
    for at in rng.permutation(len(numbers)):
        row = filled[dataset[first[at]]]
        # of equally full folds, the one with fewest conversations of all datasets
        fold = int(np.lexsort((filled.sum(axis=0), row))[0])
        fold_of[numbers[at]] = fold
        row[fold] += sizes[at]
    return np.asarray(fold_of[group])
