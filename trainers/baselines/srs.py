"""SRS's losses: a hinge over each conversation's candidates, and what every candidate's picture means.

Gao et al. 2020, section 4.7. The code tells emoji (300 of them) and adds Inception's auxiliary head at 0.4,
which is left out here; packs without emoji are told by their emotions, and stickers without either have no
such term.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from retriever.rankers.baselines.base import BaselineModel, pick
from trainers.baselines.base import BaselineModule, Needs, golds
from trainers.baselines.batch import BaselineBatch
from trainers.baselines.config import BaselineSettings
from trainers.losses.precision import full_precision

__all__ = ["SrsModule", "candidate_hinge", "told_meaning"]


@full_precision
def candidate_hinge(scores: Tensor, gold: Tensor, counted: Tensor, margin: float) -> Tensor:
    """The mean of max(0, margin - gold + other) over all other candidates, a scalar.

    Args:
        scores: (K, N).
        gold: (K,) int64, the gold's place.
        counted: (K, N) boolean; candidates that are some, and other stickers than the gold.
    """
    own = scores.gather(1, gold[:, None])
    losses = (margin - own + scores).clamp(min=0) * counted
    return losses.sum() / counted.sum().clamp(min=1)


@full_precision
def told_meaning(scores: Tensor, label: Tensor, counts: Tensor, smoothing: float) -> Tensor:
    """Cross-entropy with smoothed labels, averaged over candidates, a scalar; 0 where nothing has a label.

    Args:
        scores: (D, classes).
        label: (D,) int64, -1 where unknown.
        counts: (D,) how often each sticker counts.
    """
    known = counts * (label >= 0)
    losses = F.cross_entropy(scores, label.clamp(min=0), reduction="none", label_smoothing=smoothing)
    return (losses * known).sum() / known.sum().clamp(min=1)


class SrsModule(BaselineModule):
    """Terms ``rank`` and ``emoji``; see `BaselineModule` for the arguments."""

    terms = ("rank", "emoji")
    golds_only = False
    labels = "meaning"

    def __init__(self, model: BaselineModel, settings: BaselineSettings, needs: Needs) -> None:
        super().__init__(model, settings, needs)
        self.meaning = nn.Linear(self.model.image.width, needs.classes) if self.losses.emoji > 0 else None
        self.image_only = False

    def before_step(self, step: int) -> None:
        """The first steps are the image encoder's alone."""
        self.image_only = step < self.losses.image_first

    def forward(self, batch: BaselineBatch) -> dict[str, Tensor]:
        """Every candidate is scored for its conversation."""
        regions, whole = self.model.image(self.pictures(batch))
        images = self.model.enter(regions, whole)
        texts = self.model.encode_texts(batch.text)
        slots = batch.candidates
        k, n = slots.shape
        of_text = torch.arange(k, device=slots.device).repeat_interleave(n)
        scores = self.model.score(pick(texts, of_text), pick(images, slots.clamp(min=0).flatten()))
        counted = (slots >= 0) & (slots != golds(batch)[:, None])
        rank = candidate_hinge(scores.view(k, n), batch.gold, counted, self.losses.margin)
        terms = {"rank": rank * 0 if self.image_only else rank}
        if self.meaning is not None:
            counts = torch.zeros_like(batch.rows).index_add_(
                0, slots.clamp(min=0).flatten(), (slots >= 0).long().flatten()
            )
            terms["emoji"] = told_meaning(self.meaning(whole), batch.label, counts, self.losses.smoothing)
        return terms
