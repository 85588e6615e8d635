"""InfoNCE between conversations and stickers: PBR equations 3 and 4 (van den Oord et al. 2018).

The paper prints neither norm nor temperature; both are the released code's: vectors are unit vectors, their
products are divided by a learnt temperature.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from trainers.losses.precision import full_precision

__all__ = ["image_to_text", "text_to_image"]


@full_precision
def image_to_text(
    golds: Tensor, texts: Tensor, temperature: Tensor, left_out: Tensor | None = None
) -> Tensor:
    """Each gold sticker picks its conversation among the K of the batch: equation 3, a scalar.

    Args:
        golds: (K, C) unit vectors of the gold stickers.
        texts: (K, C) unit vectors of the conversations.
        temperature: scalar.
        left_out: (K, K) boolean; pairs that are not counted as negatives. The diagonal always counts.
    """
    scores = golds @ texts.T / temperature
    own = torch.arange(len(golds), device=golds.device)
    if left_out is not None:
        scores = scores.masked_fill(left_out & (own[:, None] != own), -torch.inf)
    return F.cross_entropy(scores, own)


@full_precision
def text_to_image(
    texts: Tensor,
    candidates: Tensor,
    gold: Tensor,
    temperature: Tensor,
    left_out: Tensor | None = None,
) -> Tensor:
    """Each conversation picks its sticker among its own N candidates: equation 4, a scalar.

    Args:
        texts: (K, C) unit vectors of the conversations.
        candidates: (K, N, C) unit vectors of each one's candidates.
        gold: (K,) int64, the gold's place.
        temperature: scalar.
        left_out: (K, N) boolean; candidates that are not counted. The gold always counts.
    """
    scores = torch.einsum("kc,knc->kn", texts, candidates) / temperature
    if left_out is not None:
        places = torch.arange(scores.shape[1], device=gold.device)
        scores = scores.masked_fill(left_out & (places != gold[:, None]), -torch.inf)
    return F.cross_entropy(scores, gold)
