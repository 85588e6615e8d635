"""PCME: *Probabilistic Embeddings for Cross-Modal Retrieval* (Chun et al., CVPR 2021).

Each side is a Gaussian with a diagonal covariance; two match with the probability that draws of both are
near each other (equations 2 and 3). Heads as in figure 3: local attention pooling beside the global vector.
The paper's encoders are a ResNet and a GRU over GloVe; here they are the configuration's, and the text's
log-variance head has a linear layer on the whole where the released code has a second GRU.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from retriever.rankers.baselines.base import BaselineModel, Side
from retriever.rankers.baselines.config import PcmeConfig
from retriever.rankers.baselines.two_tower import unit
from retriever.rankers.parts.text import text_encoder
from retriever.rankers.parts.vision import ImageEncoder

__all__ = ["GaussianHead", "Pcme", "distances"]

NEAREST = 1e-6
"""Added to squared distances: the root of 0 has no gradient."""


class GaussianHead(nn.Module):
    """A whole and its parts to a mean (n, C), a unit vector, and a log-variance (n, C).

    Args:
        width: of both.
        projection: C.
        log_variance: where the log-variance starts.
    """

    def __init__(self, width: int, projection: int, log_variance: float) -> None:
        super().__init__()
        self.whole, self.whole_spread = (nn.Linear(width, projection) for _ in range(2))
        self.attention, self.attention_spread = (
            nn.Sequential(
                nn.Linear(width, width // 2, bias=False), nn.Tanh(), nn.Linear(width // 2, 1, bias=False)
            )
            for _ in range(2)
        )
        self.parts, self.parts_spread = (nn.Linear(width, projection) for _ in range(2))
        self.norm = nn.LayerNorm(projection)
        nn.init.zeros_(self.parts_spread.bias)
        nn.init.constant_(self.whole_spread.bias, log_variance)

    def forward(self, whole: Tensor, parts: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Args:
        whole: (n, width).
        parts: (n, s, width).
        mask: (n, s), 1 where a part is; None where all are.
        """
        local = torch.sigmoid(self.parts(_pooled(self.attention, parts, mask)))
        mean = unit(self.norm(self.whole(whole) + local))
        spread = self.parts_spread(_pooled(self.attention_spread, parts, mask)) + self.whole_spread(whole)
        return mean, spread.float()


class Pcme(BaselineModel):
    """See `BaselineModel` for the arguments."""

    config: PcmeConfig
    draws: Tensor

    def __init__(self, config: PcmeConfig, vocabulary: int) -> None:
        super().__init__()
        self.config = config
        self.image = ImageEncoder(config.image)
        self.text = text_encoder(config.text, vocabulary)
        start = config.log_variance
        self.image_head = GaussianHead(self.image.width, config.projection, start)
        self.text_head = GaussianHead(self.text.width, config.projection, start)
        self.scale = nn.Parameter(torch.tensor(float(config.scale)))
        self.shift = nn.Parameter(torch.tensor(float(config.shift)))
        self.register_buffer("draws", torch.randn(2, config.samples, config.projection))

    def encode_texts(self, batch: Side) -> dict[str, Tensor]:
        """``mean`` and ``log_variance``, (n, C) each."""
        states, whole = self.text(batch["ids"], batch["mask"])
        mean, spread = self.text_head(whole, states, batch["mask"])
        return {"mean": mean, "log_variance": spread}

    def encode_images(self, pixels: Tensor) -> dict[str, Tensor]:
        """``mean`` and ``log_variance``, (n, C) each."""
        states = self.image(pixels)
        mean, spread = self.image_head(states[:, 0], states[:, 1:])
        return {"mean": mean, "log_variance": spread}

    def logits(self, distances: Tensor) -> Tensor:
        """-a distance + b, whose sigmoid is the match probability of two points: equation 2.

        The released code's sigmoid is exp(x) / (exp(x) + exp(-x)), that of 2x; this is the printed one.
        """
        return self.shift.float() - self.scale.float() * distances

    def score(self, texts: Side, images: Side) -> Tensor:
        """By `PcmeConfig.score`; ``sampled`` gives the log-odds of equation 3: they keep their digits."""
        with torch.autocast(texts["mean"].device.type, enabled=False):
            return self._score(texts, images)

    def _score(self, texts: Side, images: Side) -> Tensor:
        apart = (texts["mean"] - images["mean"]).float()
        if self.config.score == "mean":
            return self.logits((apart.square().sum(-1) + NEAREST).sqrt())
        if self.config.score == "closed":
            spread = texts["log_variance"].float().exp() + images["log_variance"].float().exp()
            return self.logits(apart.square().sum(-1) + spread.sum(-1))
        points = [
            side["mean"][:, None] + (side["log_variance"].float() / 2).exp()[:, None] * draws
            for side, draws in zip((texts, images), self.draws, strict=True)
        ]
        x = self.logits(distances(*points)).flatten(1)
        return F.logsigmoid(x).logsumexp(-1) - F.logsigmoid(-x).logsumexp(-1)


def distances(first: Tensor, second: Tensor) -> Tensor:
    """(..., J, J') Euclidean between points (..., J, C) and (..., J', C), by plain differences."""
    return torch.cdist(first, second, compute_mode="donot_use_mm_for_euclid_dist")


def _pooled(attention: nn.Module, parts: Tensor, mask: Tensor | None) -> Tensor:
    weights: Tensor = attention(parts)[..., 0]
    if mask is not None:
        weights = weights.masked_fill(mask == 0, -torch.inf)
    return torch.einsum("ns,nsd->nd", weights.softmax(-1).to(parts.dtype), parts)
