"""Sticker-dialogue matching: PBR equation 5, a two-way classification of pairs."""

import torch
from torch import Tensor

from trainers.losses.precision import full_precision

__all__ = ["one_sided_matching", "two_sided_matching"]

NO, YES = 0, 1


@full_precision
def two_sided_matching(positives: Tensor, negatives: Tensor, drawn: Tensor) -> Tensor:
    """Cross-entropy averaged over all pairs, a scalar: the released code's reading, 3K pairs.

    Args:
        positives: (K, 2) logits "does not match", "matches" of the true pairs.
        negatives: (m, 2) of mined pairs: K with another sticker, K with another conversation.
        drawn: (m,) boolean; False where there was nothing to draw, which does not count.
    """
    right = -positives.log_softmax(-1)[:, YES]
    wrong = -negatives.log_softmax(-1)[:, NO]
    return (right.sum() + (wrong * drawn).sum()) / (len(right) + drawn.sum())


@full_precision
def one_sided_matching(positives: Tensor, negatives: Tensor, drawn: Tensor) -> Tensor:
    """Equation 5 as printed: the mean of -log P(pos) - log(1 - P(neg)), one negative sticker each, a scalar.

    Args:
        positives, negatives: (K, 2) logits.
        drawn: (K,) boolean; False where there was nothing to draw, which does not count.
    """
    right = -positives.log_softmax(-1)[:, YES]
    wrong = -negatives.log_softmax(-1)[:, NO]
    return right.mean() + torch.where(drawn, wrong, 0).sum() / drawn.sum().clamp(min=1)
