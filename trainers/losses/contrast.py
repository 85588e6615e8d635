"""Topic-level contrast of two views of stickers: PBR equations 7 and 8.

Intra-topic contrast runs over the stickers of one candidate set, inter-topic contrast over those of the
batch; the functions are the same, given sets of different sizes.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from trainers.losses.precision import full_precision

__all__ = ["printed_contrast", "simclr_contrast"]


@full_precision
def simclr_contrast(
    first: Tensor, second: Tensor, present: Tensor, apart: Tensor, temperature: float
) -> Tensor:
    """NT-Xent (Chen et al. 2020), the released code's: unit vectors, both views as negatives, symmetric.

    Args:
        first, second: (S, n, C), two views of the n stickers of S sets.
        present: (S, n) boolean; False for empty places, which are nobody's negative and have no loss.
        apart: (S, n, n) boolean; whether sticker j is a negative of i. The diagonal is ignored.

    Returns:
        A scalar: the mean over the 2n views of each set, then over the sets that have any.
    """
    views = F.normalize(torch.cat([first, second], 1), dim=-1)
    n = first.shape[1]
    scores = views @ views.transpose(1, 2) / temperature
    negative = (apart & present[:, None, :] & ~_diagonal(n, apart)).repeat(1, 2, 2)
    partner = _diagonal(n, apart).repeat(1, 2, 2)
    itself = _diagonal(2 * n, apart)
    positive = partner & ~itself
    return _loss(scores, positive, negative | positive, present.repeat(1, 2))


@full_precision
def printed_contrast(first: Tensor, second: Tensor, present: Tensor, apart: Tensor) -> Tensor:
    """Equations 7 and 8 as they stand: plain products, from the first view to the second only.

    Args:
        first, second, present, apart: as for `simclr_contrast`.
    """
    scores = first @ second.transpose(1, 2)
    positive = _diagonal(first.shape[1], apart).expand_as(apart)
    return _loss(scores, positive, (apart & present[:, None, :]) | positive, present)


def _loss(scores: Tensor, positive: Tensor, counted: Tensor, present: Tensor) -> Tensor:
    """The mean of -log softmax at the positive, over `counted` entries, first in sets and then over them."""
    everything = scores.masked_fill(~counted, -torch.inf).logsumexp(-1)
    losses = everything - scores.masked_fill(~positive, 0).sum(-1)
    sizes = present.sum(-1)
    of_sets = (losses * present).sum(-1) / sizes.clamp(min=1)
    return of_sets.sum() / (sizes > 0).sum().clamp(min=1)


def _diagonal(n: int, like: Tensor) -> Tensor:
    return torch.eye(n, dtype=torch.bool, device=like.device)[None]
