"""LGUR's losses: identity and triplets, before and after the dictionary (Shao et al. 2022, section 3.4).

Before the dictionary, the picture's regions look at their own conversation (cross-modality guidance): that
is how the dictionary learns, in the paper, what a picture's regions are to be rebuilt as.
"""

import torch
from torch import Tensor, nn

from retriever.rankers.baselines.base import BaselineModel
from retriever.rankers.baselines.lgur import joined
from trainers.baselines.base import BaselineModule, Needs, golds, same_sticker
from trainers.baselines.batch import BaselineBatch
from trainers.baselines.config import BaselineSettings
from trainers.baselines.irra import identity_loss
from trainers.losses.precision import full_precision

__all__ = ["LgurModule", "triplets"]


@full_precision
def triplets(first: Tensor, second: Tensor, same: Tensor, margin: float) -> Tensor:
    """Hinge with one semi-hard negative each, summed over the rows of both sides, a scalar.

    A negative is semi-hard where margin - own + other is between 0 and the margin; one of them is drawn, and
    a row without any has no loss.

    Args:
        first, second: (K, C) unit vectors; equal rows belong together.
        same: (K, K) boolean; pairs that are no negatives.
    """
    scores = first @ second.T
    total = scores.new_zeros(())
    for table in (scores, scores.T):
        loss = margin - table.diagonal()[:, None] + table
        fit = ((loss > 0) & (loss < margin) & ~same).detach()
        any_fit = fit.any(1)
        weights = torch.where(any_fit[:, None], fit, True).float()
        chosen = torch.multinomial(weights, 1)
        total = total + (loss.gather(1, chosen)[:, 0] * any_fit).sum()
    return total


class LgurModule(BaselineModule):
    """Terms ``identity`` and ``ranking``; see `BaselineModule` for the arguments."""

    terms = ("identity", "ranking")
    labels = "identity"

    def __init__(self, model: BaselineModel, settings: BaselineSettings, needs: Needs) -> None:
        super().__init__(model, settings, needs)
        config = self.model.config
        heads = [nn.Linear(config.projection, needs.classes) for _ in range(config.prototypes)]
        for head in heads:
            nn.init.normal_(head.weight, std=0.001)
            nn.init.zeros_(head.bias)
        self.classes = nn.ModuleList(heads)

    def forward(self, batch: BaselineBatch) -> dict[str, Tensor]:
        """Golds against the conversations of the batch."""
        model, mask = self.model, batch.text["mask"]
        gold, same = golds(batch), same_sticker(batch)
        words = model.words(batch.text["ids"], mask)
        regions = model.regions(self.pictures(batch))[gold]
        guided = model.rebuilt(regions, None, words, mask)
        images = model.features(model.in_foreground(guided, regions))
        images_rebuilt = model.features(model.in_foreground(model.rebuilt(regions), regions))
        texts = model.features(words, mask)
        texts_rebuilt = model.features(model.rebuilt(words, mask), mask)
        pairs = (
            (images, texts),
            (images_rebuilt, texts_rebuilt),
            (texts, texts_rebuilt),
            (images, images_rebuilt),
        )
        margin = self.losses.margin
        label = batch.label[gold]
        return {
            "identity": sum((self._identity(*pair, label) for pair in pairs[:2]), start=images.new_zeros(())),
            "ranking": sum(
                (triplets(joined(first), joined(second), same, margin) for first, second in pairs),
                start=images.new_zeros(()),
            ),
        }

    def _identity(self, images: Tensor, texts: Tensor, label: Tensor) -> Tensor:
        """Both sides' cross-entropies, summed, the mean over prototypes."""
        losses = [
            2 * identity_loss(head(images[:, at]), head(texts[:, at]), label)
            for at, head in enumerate(self.classes)
        ]
        return torch.stack(losses).mean()
