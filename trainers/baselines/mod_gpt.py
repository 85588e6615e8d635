"""MOD-GPT's losses: the sticker at [TAG], and the next piece of what was said (Fei et al. 2021, its code).

Left out is whether there is a sticker at all: every sample of ours has one.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from retriever.rankers.baselines.base import BaselineModel
from trainers.baselines.base import BaselineModule, Needs, golds
from trainers.baselines.batch import BaselineBatch
from trainers.baselines.config import BaselineSettings
from trainers.losses.precision import full_precision

__all__ = ["ModGptModule", "nearest_sticker", "next_piece"]


@full_precision
def nearest_sticker(said: Tensor, stickers: Tensor, gold: Tensor, temperature: float = 1.0) -> Tensor:
    """Cross-entropy of the gold among the batch's stickers by minus their distance to `said`, a scalar.

    Args:
        said: (K, C).
        stickers: (D, C).
        gold: (K,) int64 into them.
        temperature: divides the distances.
    """
    apart = torch.cdist(said, stickers, compute_mode="donot_use_mm_for_euclid_dist")
    return F.cross_entropy(-apart / temperature, gold)


@full_precision
def next_piece(scores: Tensor, pieces: Tensor) -> Tensor:
    """The mean cross-entropy of (m, vocabulary) scores, a scalar; 0 where m is 0."""
    return F.cross_entropy(scores, pieces, reduction="sum") / max(len(pieces), 1)


class ModGptModule(BaselineModule):
    """Terms ``sticker`` and ``language``; see `BaselineModule` for the arguments."""

    terms = ("sticker", "language")
    golds_only = False

    def __init__(self, model: BaselineModel, settings: BaselineSettings, needs: Needs) -> None:
        super().__init__(model, settings, needs)
        self.model.text.stickers.requires_grad_(False)  # no conversation of ours has earlier stickers
        if self.losses.target == "mse":
            self.model.image.requires_grad_(False)

    def forward(self, batch: BaselineBatch) -> dict[str, Tensor]:
        """One pass of the decoder, whose head over pieces is its word table."""
        model, text, gold = self.model, batch.text, golds(batch)
        states = model.text(text["ids"], text["types"])
        said = model.say(states, text["tag"])
        stickers = model.encode_images(self.pictures(batch))["vector"]
        if self.losses.target == "mse":
            terms = {"sticker": F.mse_loss(said, stickers[gold])}
        else:
            terms = {"sticker": nearest_sticker(said, stickers, gold, self.losses.temperature)}
        if self.losses.language > 0:
            wanted = text["turn"][:, 1:] >= 0
            if self.losses.utterances == "last":
                wanted &= text["turn"][:, 1:] == text["turn"].amax(1, keepdim=True)
            scores = F.linear(states[:, :-1][wanted], model.text.words.weight)
            terms["language"] = next_piece(scores, text["ids"][:, 1:][wanted])
        return terms
