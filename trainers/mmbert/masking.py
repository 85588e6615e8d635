"""Masked context: which tokens of a dialogue are to be predicted, and what is shown in their place."""

import torch
from torch import Tensor

__all__ = ["mask_context"]

SHOWN_AS_MASK, SHOWN_AS_IS = 0.8, 0.1


def mask_context(
    ids: Tensor, allowed: Tensor, share: float, mask_id: int, vocabulary: int
) -> tuple[Tensor, Tensor]:
    """Masked language modelling of Devlin et al. 2019, drawn by torch's own generator.

    Args:
        ids: (n, t) tokens.
        allowed: (n, t) boolean, which of them may be chosen.
        share: the probability that one is.
        mask_id: the number of [MASK].
        vocabulary: random tokens are drawn from 0 to this.

    Returns:
        The tokens to show, and which of them are to be predicted, boolean; both (n, t).
    """
    chosen = (torch.rand(ids.shape, device=ids.device) < share) & allowed
    how = torch.rand(ids.shape, device=ids.device)
    other = torch.randint(vocabulary, ids.shape, device=ids.device)
    replaced = torch.where(
        how < SHOWN_AS_MASK, mask_id, torch.where(how < SHOWN_AS_MASK + SHOWN_AS_IS, ids, other)
    )
    return torch.where(chosen, replaced, ids), chosen
