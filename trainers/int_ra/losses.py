"""Int-RA's retrieval loss over cosines (equation 14, in two readings) and its intention loss (equation 6)."""

from torch import Tensor
from torch.nn import functional as F

from trainers.losses.precision import full_precision

__all__ = ["UNKNOWN", "hinge", "intention_loss", "printed_hinge"]

UNKNOWN = -1
"""The label of a conversation that has none."""


@full_precision
def hinge(positive: Tensor, others: Tensor, counted: Tensor, margin: float) -> Tensor:
    """max(0, margin - positive + negative), averaged over negatives and then conversations, a scalar.

    Args:
        positive: (K,) cosines of the sent stickers.
        others: (K, N) cosines of other stickers.
        counted: (K, N) boolean, which of them are negatives; a conversation without any has no loss.
    """
    short = (margin - positive[:, None] + others).clamp(min=0) * counted
    numbers = counted.sum(1)
    of_each = short.sum(1) / numbers.clamp(min=1)
    return of_each.sum() / (numbers > 0).sum().clamp(min=1)


@full_precision
def printed_hinge(positive: Tensor, others: Tensor, counted: Tensor, margin: float) -> Tensor:
    """Equation 14 as printed: the sum over negatives of negative - (1 - positive) + margin, a scalar.

    Averaged over conversations with negatives. It may be negative, and falls as the positive falls.

    Args:
        positive, others, counted: as for `hinge`.
    """
    terms = (others - (1 - positive[:, None]) + margin) * counted
    return terms.sum() / (counted.sum(1) > 0).sum().clamp(min=1)


@full_precision
def intention_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy averaged over the conversations with a label, a scalar; 0 where none has one.

    Args:
        logits: (K, labels).
        labels: (K,) int64; `UNKNOWN` where there is none.
    """
    known = labels != UNKNOWN
    summed = F.cross_entropy(logits, labels, ignore_index=UNKNOWN, reduction="sum")
    return summed / known.sum().clamp(min=1)
