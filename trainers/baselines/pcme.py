"""PCME's losses: soft contrast over draws, KL to the unit Gaussian, uniformity (Chun et al. 2021, 3.2.3)."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from retriever.rankers.baselines.pcme import distances
from trainers.baselines.base import BaselineModule, golds, same_sticker
from trainers.baselines.batch import BaselineBatch
from trainers.losses.precision import full_precision

__all__ = ["PcmeModule", "gaussian_kl", "soft_contrast", "uniformity"]


@full_precision
def soft_contrast(logits: Tensor, same: Tensor) -> Tensor:
    """-log of the match probability where pairs match, of its complement elsewhere: equation 4, a scalar.

    The probability is a mean over the draws (equation 3). Summed over pairs and both directions (which are
    equal) and divided by K; the released code sums alone.

    Args:
        logits: (K, K, J, J) of every conversation with every gold.
        same: (K, K) boolean; which pairs match.
    """
    sign = torch.where(same, 1.0, -1.0)[:, :, None, None]
    draws = logits.shape[-1] * logits.shape[-2]
    losses = math.log(draws) - F.logsigmoid(logits * sign).flatten(2).logsumexp(-1)
    return 2 * losses.sum() / len(losses)


@full_precision
def gaussian_kl(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mean, variance) || N(0, I)) in nats, summed over numbers and averaged over rows, a scalar."""
    return 0.5 * (log_variance.exp() + mean.square() - 1 - log_variance).sum(-1).mean()


@full_precision
def uniformity(points: Tensor) -> Tensor:
    """log of the mean of exp(-2 d^2) over all pairs of (m, C) points, a scalar (Wang and Isola 2020)."""
    return (-2 * F.pdist(points).square()).exp().mean().log()


class PcmeModule(BaselineModule):
    """Terms ``match``, ``kl`` and ``uniform``."""

    terms = ("match", "kl", "uniform")

    def forward(self, batch: BaselineBatch) -> dict[str, Tensor]:
        """Fresh draws of every conversation and every gold, all pairs of them."""
        images = self.model.encode_images(self.pictures(batch))
        images = {name: values[golds(batch)] for name, values in images.items()}
        texts = self.model.encode_texts(batch.text)
        first, second = (self._draw(**side) for side in (texts, images))
        k, j = first.shape[:2]
        apart = distances(first.flatten(0, 1), second.flatten(0, 1)).view(k, j, k, j).transpose(1, 2)
        logits = self.model.logits(apart)
        terms = {
            "match": soft_contrast(logits, same_sticker(batch)),
            "kl": sum(
                (gaussian_kl(side["mean"], side["log_variance"]) for side in (texts, images)),
                start=first.new_zeros(()),
            ),
        }
        if self.losses.uniform > 0:
            terms["uniform"] = uniformity(torch.cat([first, second]).flatten(0, 1))
        return terms

    def _draw(self, mean: Tensor, log_variance: Tensor) -> Tensor:
        """(n, J, C) points of (n, C) Gaussians."""
        n, c = mean.shape
        noise = torch.randn(n, self.model.config.samples, c, device=mean.device)
        return mean[:, None].float() + (log_variance.float() / 2).exp()[:, None] * noise
