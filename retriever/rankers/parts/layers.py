"""Transformer layers of BERT's kind, optionally with cross attention.

Post-norm as in Devlin et al. 2019, so that BERT's weights fit; cross attention between self-attention and
feed-forward as in the multimodal encoder of ALBEF (Li et al. 2021), which PBR builds on.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["Attention", "Layer", "padding_mask"]

EPSILON = 1e-12


def padding_mask(mask: Tensor) -> Tensor:
    """(n, t) with 1 where a token is, as the (n, 1, 1, t) boolean that attention takes."""
    return mask.bool()[:, None, None, :]


class Attention(nn.Module):
    """Multi-head attention with its residual and its norm.

    Args:
        width: of the queries' states, and of the result.
        heads: a divisor of `width`.
        context: width of what is looked at; `width` if None.
        dropout: of the attention weights and of the result.
    """

    def __init__(self, width: int, heads: int, context: int | None = None, dropout: float = 0.0) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(context or width, width)
        self.value = nn.Linear(context or width, width)
        self.output = nn.Linear(width, width)
        self.norm = nn.LayerNorm(width, eps=EPSILON)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, states: Tensor, context: Tensor, mask: Tensor | None = None, maps: list[Tensor] | None = None
    ) -> Tensor:
        """New states for `states` after a look at `context`.

        Args:
            states: (n, q, width).
            context: (n, s, context width).
            mask: boolean, broadcastable to (n, heads, q, s); False is not looked at.
            maps: gets the weights appended, (n, heads, q, s); costs the fast kernels.
        """
        if states.shape[1] == 1 and not self.training:
            return self.norm(states + self.output(self._glance(states, context, mask, maps)))  # type: ignore[no-any-return]
        query, key, value = (
            part(source).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for part, source in ((self.query, states), (self.key, context), (self.value, context))
        )
        if maps is None:
            rate = self.dropout.p if self.training else 0.0
            seen = F.scaled_dot_product_attention(query, key, value, attn_mask=mask, dropout_p=rate)
        else:
            scores = query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5
            if mask is not None:
                scores = scores.masked_fill(~mask, -torch.inf)
            weights = scores.softmax(-1)
            maps.append(weights)
            seen = weights @ value
        merged = self.output(seen.transpose(1, 2).flatten(2))
        return self.norm(states + self.dropout(merged))  # type: ignore[no-any-return]

    def _glance(
        self, states: Tensor, context: Tensor, mask: Tensor | None, maps: list[Tensor] | None
    ) -> Tensor:
        """(n, 1, width): what one query a row sees, without keys and values of everything it looks at.

        ``q (W c) = (q W) c``: the query goes back through the keys' matrix, and what it has looked at, mixed,
        through the values'. The keys' bias adds the same to every score; the weights add to 1, so the values'
        bias is added once. Some 1/s of the work.
        """
        query = self.query(states[:, 0]).unflatten(-1, (self.heads, -1))
        keys, values = (part.weight.view(self.heads, -1, part.in_features) for part in (self.key, self.value))
        asked = torch.einsum("nhd,hdc->nhc", query, keys)
        scores = asked @ context.transpose(1, 2) * query.shape[-1] ** -0.5
        if mask is not None:
            scores = scores.masked_fill(~mask[:, :, 0], -torch.inf)
        weights = scores.softmax(-1)
        if maps is not None:
            maps.append(weights[:, :, None])
        mixed = weights.to(context.dtype) @ context
        return torch.einsum("nhc,hdc->nhd", mixed, values).flatten(1)[:, None] + self.value.bias


class Layer(nn.Module):
    """Self-attention, cross attention where `context` is given, feed-forward.

    Args:
        width, heads, ffn: sizes; `ffn` is the hidden width of the feed-forward part.
        context: width of what cross attention looks at, or None for a layer without.
    """

    def __init__(
        self, width: int, heads: int, ffn: int, context: int | None = None, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.attention = Attention(width, heads, dropout=dropout)
        self.cross = Attention(width, heads, context, dropout) if context is not None else None
        self.up = nn.Linear(width, ffn)
        self.down = nn.Linear(ffn, width)
        self.norm = nn.LayerNorm(width, eps=EPSILON)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self,
        states: Tensor,
        mask: Tensor | None = None,
        context: Tensor | None = None,
        first_only: bool = False,
        maps: tuple[list[Tensor], list[Tensor]] | None = None,
        of: Tensor | None = None,
    ) -> Tensor:
        """(n, t, width) to the same shape.

        Args:
            mask: of the tokens, as `padding_mask` gives it.
            context: (n, s, context width), for layers with cross attention.
            first_only: only the first token's new state, (n, 1, width), at a fraction of the work.
            maps: two lists that get this layer's self- and cross-attention weights.
            of: (p,), where p rows of `context` belong to fewer rows of `states`: which one each belongs to.
                What does not depend on the context is then worked out once a row; gives (p, t, width).
        """
        asking = states[:, :1] if first_only else states
        states = self.attention(asking, states, mask, maps[0] if maps else None)
        if of is not None:
            states = states[of]
        if self.cross is not None:
            states = self.cross(states, context, None, maps[1] if maps else None)
        return self.norm(states + self.dropout(self.down(F.gelu(self.up(states)))))  # type: ignore[no-any-return]
