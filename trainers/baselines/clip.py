"""CLIP fine-tuned: in-batch contrast of conversations and stickers (Radford et al. 2021).

As MMBERT's baseline (its section on baselines): the last utterance only, an image encoder that learns more
slowly than the text encoder, 1 / temperature learnt as a logarithm within 0 and ln 100.
"""

import math

import torch
from torch import Tensor, nn

from retriever.rankers.baselines.base import BaselineModel
from trainers.baselines.base import BaselineModule, Needs, golds, same_sticker
from trainers.baselines.batch import BaselineBatch
from trainers.baselines.config import BaselineSettings
from trainers.losses.alignment import image_to_text

__all__ = ["ClipModule"]

COLDEST = math.log(100)


class ClipModule(BaselineModule):
    """Terms ``i2t`` and ``t2i``; see `BaselineModule` for the arguments."""

    terms = ("i2t", "t2i")

    def __init__(self, model: BaselineModel, settings: BaselineSettings, needs: Needs) -> None:
        super().__init__(model, settings, needs)
        self.log_scale = nn.Parameter(torch.tensor(-math.log(self.losses.temperature)))

    def forward(self, batch: BaselineBatch) -> dict[str, Tensor]:
        """Each gold finds its conversation among the K, and the other way round."""
        images = self.model.encode_images(self.pictures(batch))["vector"][golds(batch)]
        texts = self.model.encode_texts(batch.text)["vector"]
        left_out = same_sticker(batch) if self.losses.false_negatives == "mask" else None
        temperature = (-self.log_scale).exp()
        return {
            "i2t": image_to_text(images, texts, temperature, left_out),
            "t2i": image_to_text(texts, images, temperature, left_out),
        }

    @torch.no_grad()
    def before_step(self, step: int) -> None:
        """Keep the scale within its bounds."""
        self.log_scale.clamp_(0, COLDEST)
