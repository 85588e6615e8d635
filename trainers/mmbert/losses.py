"""The losses of MMBERT's tasks; one without a single target is 0, where a plain mean would be NaN."""

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

__all__ = ["IGNORED", "matching_loss", "mean_cross_entropy", "semantic_loss", "semantic_targets"]

IGNORED = -100


def matching_loss(right: Tensor, wrong: Tensor) -> Tensor:
    """Two-way cross-entropy, the right pairs' mean and the wrong pairs' mean in equal parts (section 3.6).

    Args:
        right, wrong: (k, 2) logits, "does not match" and "matches".
    """
    ones = torch.ones(len(right), dtype=torch.long, device=right.device)
    zeros = torch.zeros(len(wrong), dtype=torch.long, device=wrong.device)
    return (F.cross_entropy(right, ones) + F.cross_entropy(wrong, zeros)) / 2


def mean_cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean over the targets that are not `IGNORED`; 0 where all are.

    Args:
        logits: (n, c).
        targets: (n,) int64.
    """
    total = F.cross_entropy(logits.float(), targets, ignore_index=IGNORED, reduction="sum")
    return total / (targets != IGNORED).sum().clamp(min=1)


def semantic_targets(words: Tensor, nothing: int, cls: int) -> Tensor:
    """What the slots are to say: [CLS] and then the sticker's words, at the right end (section 3.5).

    Args:
        words: (n, S), right-aligned, `nothing` before them; at least one `nothing` a row.
        nothing: what stands where no word is.
        cls: the number of [CLS].

    Returns:
        (n, S), `IGNORED` before [CLS]; a row without words is all `IGNORED`.
    """
    is_word = words != nothing
    targets = torch.where(is_word, words, IGNORED)
    before_first = is_word[:, 1:] & ~is_word[:, :-1]
    targets[:, :-1] = torch.where(before_first, cls, targets[:, :-1])
    return targets


def semantic_loss(logits: Tensor, targets: Tensor, reduction: Literal["mean", "sum"] = "mean") -> Tensor:
    """Cross-entropy of the slots; 0 where no sticker has words.

    Args:
        logits: (n, S, vocabulary).
        targets: (n, S) of `semantic_targets`.
        reduction: ``mean`` over all targets, or ``sum`` over a row's, averaged over the rows that have some.
    """
    mean = mean_cross_entropy(logits.flatten(0, 1), targets.flatten())
    if reduction == "mean":
        return mean
    told = targets != IGNORED
    return mean * told.sum() / told.any(1).sum().clamp(min=1)
