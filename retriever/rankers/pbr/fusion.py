"""The multimodal encoder: words look at a sticker's regions, and [CLS] says whether the two match."""

import torch
from torch import Tensor, nn

from retriever.errors import InputError
from retriever.rankers.parts.layers import Layer, padding_mask
from retriever.rankers.pbr.config import PBRModelConfig

__all__ = ["Fusion"]


class Fusion(nn.Module):
    """Layers with cross attention (queries: text, keys and values: image), then a two-way classifier.

    Section 3.1, "Multimodal Encoder".

    Args:
        config: of the whole model.
        image_width: C_V of the image encoder.
        text_width: C_T of the text encoder.

    Raises:
        InputError: a width that its heads do not divide.
    """

    def __init__(self, config: PBRModelConfig, image_width: int, text_width: int) -> None:
        super().__init__()
        width = config.fusion.width or text_width
        heads = config.fusion.heads or config.text.heads
        if width % heads:
            raise InputError(
                f"the fusion's width {width} is not a multiple of its {heads} heads; set fusion.width and "
                "fusion.heads"
            )
        ffn = config.fusion.ffn or config.text.ffn or 4 * width
        self.entrance = nn.Linear(text_width, width) if width != text_width else nn.Identity()
        self.layers = nn.ModuleList(
            Layer(width, heads, ffn, image_width, config.fusion.dropout) for _ in range(config.fusion.layers)
        )
        self.head = nn.Linear(width, 2)

    def forward(
        self,
        states: Tensor,
        mask: Tensor,
        regions: Tensor,
        maps: tuple[list[Tensor], list[Tensor]] | None = None,
        of: Tensor | None = None,
    ) -> Tensor:
        """Logits (n, 2) of n pairs: "does not match" and "matches".

        The last layer is computed for [CLS] alone: nothing else of it is used. What the first one does before
        it looks at an image is computed once a text.

        Args:
            states: (n, t, text width) of the text encoder, or (m, t, text width) of m texts and `of`.
            mask: (n, t) or (m, t), 1 where a token is.
            regions: (n, s, image width).
            maps: two lists that get each layer's self-attention (n, heads, q, t) and cross-attention
                weights (n, heads, q, s); q is 1 in the last layer.
            of: (n,), the text of each pair; None where every pair has a row of `states` of its own.
        """
        states = self.entrance(states)
        seen = padding_mask(mask)
        last = len(self.layers) - 1
        for number, layer in enumerate(self.layers):
            states = layer(states, seen, regions, number == last, maps, of)
            if of is not None:
                seen, of = seen[of], None
        return self.head(states[:, 0])  # type: ignore[no-any-return]

    @torch.no_grad()
    def attention(self, states: Tensor, mask: Tensor, regions: Tensor) -> tuple[Tensor, Tensor]:
        """Where [CLS] looks, averaged over layers and heads: (n, t) over tokens and (n, s) over regions.

        Every row sums to 1.
        """
        words: list[Tensor] = []
        places: list[Tensor] = []
        self(states, mask, regions, (words, places))
        return (
            torch.stack([layer[:, :, 0].mean(1) for layer in words]).mean(0),
            torch.stack([layer[:, :, 0].mean(1) for layer in places]).mean(0),
        )
