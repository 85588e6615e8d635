"""Two encoders, two projections, a cosine: CLIP (Radford et al. 2021) and IRRA (Jiang and Ye 2023).

IRRA is a CLIP at inference: its cross attention and its masked words exist in training only (section 3.3 of
*Cross-Modal Implicit Relation Reasoning and Aligning*). The two families differ in what they learn by.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from retriever.rankers.baselines.base import BaselineModel, Side
from retriever.rankers.baselines.config import TwoTowerConfig
from retriever.rankers.parts.text import text_encoder
from retriever.rankers.parts.vision import ImageEncoder

__all__ = ["TwoTower", "cosines", "unit"]


class TwoTower(BaselineModel):
    """Vectors of C numbers on both sides; see `BaselineModel` for the arguments."""

    config: TwoTowerConfig

    def __init__(self, config: TwoTowerConfig, vocabulary: int) -> None:
        super().__init__()
        self.config = config
        self.image = ImageEncoder(config.image)
        self.text = text_encoder(config.text, vocabulary)
        self.image_projection = nn.Linear(self.image.width, config.projection, bias=False)
        self.text_projection = nn.Linear(self.text.width, config.projection, bias=False)

    def encode_texts(self, batch: Side) -> dict[str, Tensor]:
        """``vector`` (n, C), unit."""
        return {"vector": self.words(batch["ids"], batch["mask"])[1]}

    def encode_images(self, pixels: Tensor) -> dict[str, Tensor]:
        """``vector`` (n, C), unit."""
        return {"vector": self.regions(pixels)[1]}

    def words(self, ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Every token (n, t, C) and the whole (n, C), a unit vector, in the common space."""
        states, whole = self.text(ids, mask)
        return self.text_projection(states), unit(self.text_projection(whole))

    def regions(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Every region (n, 1 + s, C), the whole first, and that as a unit vector (n, C)."""
        states = self.image_projection(self.image(pixels))
        return states, unit(states[:, 0])

    def score(self, texts: Side, images: Side) -> Tensor:
        """The cosine."""
        return cosines(texts["vector"], images["vector"])


def unit(vectors: Tensor) -> Tensor:
    """Rows of length 1, float32 whatever the precision around."""
    return F.normalize(vectors.float(), dim=-1)


def cosines(first: Tensor, second: Tensor) -> Tensor:
    """(n,) float32 products of the rows of two (n, C)."""
    with torch.autocast(first.device.type, enabled=False):
        return (first.float() * second.float()).sum(-1)
