"""LGUR: *Learning Granularity-Unified Representations* (Shao et al., ACM MM 2022).

Regions and words are rebuilt from one shared dictionary, which brings them to one granularity (DGA, section
3.2); shared learnt prototypes then ask both for their features (PGU, section 3.3). The paper's encoders are a
DeiT-S and an LSTM over BERT; here they are the configuration's, each mapped to the dictionary's width.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from retriever.rankers.baselines.base import BaselineModel, Side
from retriever.rankers.baselines.config import LgurConfig
from retriever.rankers.baselines.two_tower import cosines, unit
from retriever.rankers.parts.layers import Attention, padding_mask
from retriever.rankers.parts.text import text_encoder
from retriever.rankers.parts.vision import ImageEncoder

__all__ = ["Lgur", "joined"]


class _Decoder(nn.Module):
    """A layer whose queries see each other, then a memory: self-attention, cross attention, feed-forward."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.attention = Attention(width, heads, dropout=dropout)
        self.cross = Attention(width, heads, width, dropout)
        self.up, self.down = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)
        self.norm = nn.LayerNorm(width)

    def forward(
        self, queries: Tensor, memory: Tensor, seen: Tensor | None, known: Tensor | None = None
    ) -> Tensor:
        """Args:
        queries: (n, q, width).
        memory: (n, m, width).
        seen: which of `memory`, as attention takes it; None for all.
        known: likewise, which of `queries`.
        """
        states = self.cross(self.attention(queries, queries, known), memory, seen)
        return self.norm(states + self.down(F.gelu(self.up(states))))  # type: ignore[no-any-return]


class Lgur(BaselineModel):
    """See `BaselineModel` for the arguments."""

    config: LgurConfig

    def __init__(self, config: LgurConfig, vocabulary: int) -> None:
        super().__init__()
        self.config = config
        width = config.width
        self.image = ImageEncoder(config.image)
        self.text = text_encoder(config.text, vocabulary)
        self.image_entrance = nn.Linear(self.image.width, width)
        self.text_entrance = nn.Linear(self.text.width, width)
        self.dictionary = nn.Parameter(torch.randn(config.dictionary, width))
        self.prototypes = nn.Parameter(torch.randn(config.prototypes, width))
        self.rebuilding, self.asking = (
            nn.ModuleList(_Decoder(width, config.heads, config.dropout) for _ in range(layers))
            for layers in (config.dictionary_layers, config.prototype_layers)
        )
        self.foreground = nn.Linear(width, 1)
        self.projections = nn.ModuleList(
            nn.Linear(width, config.projection, bias=False) for _ in range(config.prototypes)
        )

    def regions(self, pixels: Tensor) -> Tensor:
        """(n, s, width) of the picture's regions, the whole left out."""
        return self.image_entrance(self.image(pixels)[:, 1:])  # type: ignore[no-any-return]

    def words(self, ids: Tensor, mask: Tensor) -> Tensor:
        """(n, t, width)."""
        return self.text_entrance(self.text(ids, mask)[0])  # type: ignore[no-any-return]

    def rebuilt(
        self,
        states: Tensor,
        mask: Tensor | None = None,
        memory: Tensor | None = None,
        seen: Tensor | None = None,
    ) -> Tensor:
        """States in terms of the dictionary, or of another `memory` (cross-modality guidance), (n, s, width).

        Args:
            mask: (n, s), 1 where `states` has one; None where everywhere.
            memory: (n, m, width); None is the dictionary.
            seen: (n, m), likewise of `memory`.
        """
        if memory is None:
            memory = self.dictionary.expand(len(states), -1, -1)
        known, visible = (None if part is None else padding_mask(part) for part in (mask, seen))
        for layer in self.rebuilding:
            states = layer(states, memory, visible, known)
        return states

    def in_foreground(self, rebuilt: Tensor, regions: Tensor) -> Tensor:
        """Rebuilt regions, weighed by how much their originals are foreground."""
        return rebuilt * torch.sigmoid(self.foreground(regions))

    def features(self, states: Tensor, mask: Tensor | None = None) -> Tensor:
        """What the prototypes find in (n, s, width): (n, prototypes, projection) float32."""
        found = self.prototypes.expand(len(states), -1, -1)
        seen = None if mask is None else padding_mask(mask)
        for layer in self.asking:
            found = layer(found, states, seen)
        parts = [project(found[:, at]) for at, project in enumerate(self.projections)]
        return torch.stack(parts, 1).float()

    def encode_texts(self, batch: Side) -> dict[str, Tensor]:
        """``vector`` (n, prototypes x projection), unit."""
        mask = batch["mask"]
        rebuilt = self.rebuilt(self.words(batch["ids"], mask), mask)
        return {"vector": joined(self.features(rebuilt, mask))}

    def encode_images(self, pixels: Tensor) -> dict[str, Tensor]:
        """``vector`` (n, prototypes x projection), unit."""
        regions = self.regions(pixels)
        return {"vector": joined(self.features(self.in_foreground(self.rebuilt(regions), regions)))}

    def score(self, texts: Side, images: Side) -> Tensor:
        """The cosine."""
        return cosines(texts["vector"], images["vector"])


def joined(features: Tensor) -> Tensor:
    """(n, prototypes, projection) as one unit vector each."""
    return unit(features.flatten(1))
