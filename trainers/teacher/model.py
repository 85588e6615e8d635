"""The teacher: an image encoder and a linear classifier of SER30K's seven emotions."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from retriever.labels import EMOTIONS
from retriever.rankers.parts.config import ImageConfig
from retriever.rankers.parts.vision import ImageEncoder

__all__ = ["TeacherBatch", "TeacherModule", "turn_and_flip"]


@dataclass(frozen=True, slots=True)
class TeacherBatch:
    """Images and their emotions.

    Attributes:
        pixels: (n, side, side, 3) uint8.
        emotion: (n,) int64 into `retriever.labels.EMOTIONS`.
    """

    pixels: Tensor
    emotion: Tensor


class TeacherModule(nn.Module):
    """Gives the one loss term ``emotion``, a cross-entropy.

    Args:
        image: of the body; its ``size`` is what images are resized to.
        rotation: degrees, in training only.
        flip: probability, in training only.
    """

    def __init__(self, image: ImageConfig, rotation: float = 15.0, flip: float = 0.5) -> None:
        super().__init__()
        self.body = ImageEncoder(image)
        self.head = nn.Linear(self.body.width, len(EMOTIONS))
        self.rotation, self.flip = rotation, flip

    def forward(self, batch: TeacherBatch) -> dict[str, Tensor]:
        images = turn_and_flip(self.resized(batch.pixels), self.rotation, self.flip)
        logits = self.head(self.body(images)[:, 0])  # (n, 7)
        return {"emotion": F.cross_entropy(logits.float(), batch.emotion)}

    def resized(self, pixels: Tensor) -> Tensor:
        """(n, s, s, 3) uint8 to (n, 3, size, size) float32 in [0, 1]."""
        images = pixels.permute(0, 3, 1, 2).float() / 255
        if images.shape[-1] == self.body.size:
            return images
        return F.interpolate(images, (self.body.size, self.body.size), mode="bilinear", antialias=True)

    @torch.no_grad()
    def describe(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Pooled features (n, f) and class scores (n, 7), both float32; call in ``eval`` mode."""
        features = self.body(self.resized(pixels))[:, 0]
        return features.float(), self.head(features).float()


@torch.no_grad()
def turn_and_flip(images: Tensor, rotation: float, flip: float) -> Tensor:
    """Every image turned by an angle of its own and perhaps mirrored; corners that come in are white.

    Args:
        images: (n, 3, s, s) in [0, 1].
        rotation: largest angle either way, in degrees.
        flip: probability of mirroring.
    """
    n, device = len(images), images.device
    angle = torch.empty(n, device=device).uniform_(-1, 1) * math.radians(rotation)
    mirrored = torch.where(torch.rand(n, device=device) < flip, -1.0, 1.0)
    zero = torch.zeros_like(angle)
    cos, sin = angle.cos(), angle.sin()
    rows = torch.stack([mirrored * cos, -mirrored * sin, zero, sin, cos, zero], 1).view(n, 2, 3)
    grid = F.affine_grid(rows, list(images.shape), align_corners=False)
    dark = F.grid_sample(1 - images, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    return 1 - dark
