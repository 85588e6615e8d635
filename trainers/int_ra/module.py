"""Int-RA in training: the ranker and the two terms of its objective."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from retriever.rankers.int_ra.model import IntRAModel
from trainers.images.augment import random_crop, to_float
from trainers.int_ra.batch import IntRABatch
from trainers.int_ra.config import IntRALosses
from trainers.int_ra.losses import hinge, intention_loss, printed_hinge

__all__ = ["IntRAModule"]


class IntRAModule(nn.Module):
    """Gives the named loss terms ``retrieval`` and, where it is on and the model has one, ``intention``.

    Args:
        model: all of it is kept after training.
        losses: which terms, in which variants.
        crop: see `trainers.int_ra.config.IntRAConfig`.
    """

    def __init__(
        self, model: IntRAModel, losses: IntRALosses, crop: tuple[float, float] = (1.0, 1.0)
    ) -> None:
        super().__init__()
        self.model = model
        self.losses = losses
        self.crop = crop

    def forward(self, batch: IntRABatch) -> dict[str, Tensor]:
        """Every distinct sticker, text and label goes through its encoder once, every conversation once."""
        images = self._seen(to_float(batch.pixels))
        stickers = self.model.stickers(images, batch.text_ids, batch.text_mask, batch.which)
        queries = self.model.queries(batch.ids, batch.mask, self.model.encode_labels())
        terms = {"retrieval": self._retrieval(queries.vector @ stickers.vector.T, batch)}
        if queries.logits is not None and self.losses.intention > 0:
            terms["intention"] = intention_loss(queries.logits, batch.label)
        return terms

    def _seen(self, images: Tensor) -> Tensor:
        """What the image encoder is shown: random parts in training, whole pictures otherwise."""
        size = self.model.config.image.size
        if self.training and self.crop != (1.0, 1.0):
            return random_crop(images, size, self.crop)
        if images.shape[-1] != size:
            images = F.interpolate(images, (size, size), mode="bilinear", antialias=True)
        return images

    def _retrieval(self, cosines: Tensor, batch: IntRABatch) -> Tensor:
        """Of (K, D) cosines of every conversation with every distinct sticker of the batch."""
        own = torch.arange(len(cosines), device=cosines.device)
        gold = batch.candidates[own, batch.gold]
        if self.losses.negatives == "batch":
            slots = torch.arange(cosines.shape[1], device=cosines.device).expand_as(cosines)
        else:
            slots = batch.candidates
        counted = (slots >= 0) & (slots != gold[:, None])
        others = cosines.gather(1, slots.clamp(min=0))
        loss = printed_hinge if self.losses.variant == "printed" else hinge
        return loss(cosines[own, gold], others, counted, self.losses.margin)
