"""The PBR model as inference needs it: two encoders, a common space, a multimodal encoder."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from retriever.rankers.parts.text import text_encoder
from retriever.rankers.parts.vision import ImageEncoder
from retriever.rankers.pbr.config import PBRModelConfig, Score
from retriever.rankers.pbr.fusion import Fusion

__all__ = ["Encoded", "PBRModel"]

COOLEST, WARMEST = 0.001, 0.5


class Encoded(NamedTuple):
    """One side of n pairs.

    Attributes:
        states: (n, s, width), the [CLS] state of an image first.
        vector: (n, C), the unit vector in the common space.
        mask: (n, s), 1 where a token is; None for images, where everything is.
    """

    states: Tensor
    vector: Tensor
    mask: Tensor | None = None

    def rows(self, chosen: Tensor) -> "Encoded":
        """Those rows of it."""
        mask = None if self.mask is None else self.mask[chosen]
        return Encoded(self.states[chosen], self.vector[chosen], mask)


class PBRModel(nn.Module):
    """Perceive before Respond, section 3.1, without the heads that only training has.

    Args:
        config: what to build; published weights of the image encoder are read where it names some, those
            of the text encoder are not (see `trainers.pbr.build`).
        vocabulary: entries of the text encoder's word table.
    """

    def __init__(self, config: PBRModelConfig, vocabulary: int) -> None:
        super().__init__()
        self.config = config
        self.image = ImageEncoder(config.image)
        self.text = text_encoder(config.text, vocabulary)
        self.fusion = Fusion(config, self.image.width, self.text.width)
        self.image_projection = nn.Linear(self.image.width, config.projection)
        self.text_projection = nn.Linear(self.text.width, config.projection)
        self.temperature = nn.Parameter(torch.tensor(float(config.temperature)))

    def encode_images(self, pixels: Tensor) -> Encoded:
        """(n, 3, size, size) in [0, 1]; equation 2 and its L2 norm."""
        return self.project_images(self.image(pixels))

    def project_images(self, states: Tensor) -> Encoded:
        """What `encode_images` gives, from the image encoder's states (n, s, C_V)."""
        return Encoded(states, unit(self.image_projection(states[:, 0])))

    def encode_texts(self, ids: Tensor, mask: Tensor) -> Encoded:
        """(n, t) token numbers and their mask; equation 2 and its L2 norm."""
        states, whole = self.text(ids, mask)
        return Encoded(states, unit(self.text_projection(whole)), mask)

    def match(self, texts: Encoded, images: Encoded, of: Tensor) -> Tensor:
        """(n, 2) float32 logits of n pairs: "does not match", "matches".

        Args:
            texts: m conversations.
            images: n stickers.
            of: (n,) which conversation each sticker is paired with.
        """
        assert texts.mask is not None  # texts always have one
        logits: Tensor = self.fusion(texts.states, texts.mask, images.states, of=of)
        return logits.float()

    def score(self, texts: Encoded, images: Encoded, of: Tensor, kind: Score | None = None) -> Tensor:
        """(n,) float32: how well n pairs fit; what training selects by and what inference ranks by.

        Args:
            texts, images, of: as for `match`.
        """
        kind = kind or self.config.score
        cosine = (texts.vector[of].float() * images.vector.float()).sum(-1)
        if kind == "alignment":
            return cosine
        logits = self.match(texts, images, of)
        if kind == "match":
            return logits[:, 1]
        margin = logits[:, 1] - logits[:, 0]
        return margin if kind == "margin" else margin + cosine / self.temperature.float()

    @torch.no_grad()
    def clamp_temperature(self) -> None:
        """Keep the learnt temperature within [0.001, 0.5], as ALBEF does."""
        self.temperature.clamp_(COOLEST, WARMEST)


def unit(vectors: Tensor) -> Tensor:
    """Rows of length 1, float32 whatever the precision around."""
    return F.normalize(vectors.float(), dim=-1)
