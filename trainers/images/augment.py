"""Augmentation of whole batches on the device they train on, from uint8 pixels: plain torch, no decoding.

The strengths are the released code's: a crop of 75 to 100 % of the area for training, and SimCLR's chain
(Chen et al. 2020) for the two views of topic contrast. Everything depends on torch's seed alone.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

__all__ = ["random_crop", "to_float", "topic_view"]

_RATIO = (3 / 4, 4 / 3)
_GREY = (0.299, 0.587, 0.114)
_TO_YIQ = ((0.299, 0.587, 0.114), (0.596, -0.274, -0.322), (0.211, -0.523, 0.312))


def to_float(pixels: Tensor) -> Tensor:
    """(n, side, side, 3) uint8 as (n, 3, side, side) float32 in [0, 1]."""
    return pixels.permute(0, 3, 1, 2).float() / 255


@torch.no_grad()
def random_crop(images: Tensor, size: int, scale: tuple[float, float], flip: float = 0.0) -> Tensor:
    """A random part of every image, resized bilinearly: (n, c, size, size).

    Args:
        images: (n, c, h, w).
        scale: bounds of the part's share of the area; its sides' ratio is between 3:4 and 4:3.
        flip: probability of turning left and right around.
    """
    n, device = len(images), images.device
    area = torch.empty(n, device=device).uniform_(*scale)
    ratio = torch.empty(n, device=device).uniform_(*(math.log(bound) for bound in _RATIO)).exp()
    width, height = (area * ratio).sqrt().clamp(max=1), (area / ratio).sqrt().clamp(max=1)
    left, top = (torch.empty(n, device=device).uniform_(-1, 1) * (1 - side) for side in (width, height))
    turned = torch.where(torch.rand(n, device=device) < flip, -1.0, 1.0)
    zero = torch.zeros_like(width)
    rows = torch.stack([width * turned, zero, left, zero, height, top], 1).view(n, 2, 3)
    grid = F.affine_grid(rows, [n, images.shape[1], size, size], align_corners=False)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)


@torch.no_grad()
def topic_view(images: Tensor, size: int) -> Tensor:
    """One view for topic contrast: crop (8-100 %), flip (0.5), jitter (0.8), grey (0.2), blur (0.5).

    Args:
        images: (n, 3, h, w) in [0, 1].

    Returns:
        (n, 3, size, size) in [0, 1].
    """
    images = random_crop(images, size, (0.08, 1.0), flip=0.5)
    images = _sometimes(images, _jittered(images), 0.8)
    images = _sometimes(images, _grey(images).expand_as(images), 0.2)
    return _sometimes(images, _blurred(images), 0.5)


def _jittered(images: Tensor, strength: float = 0.4, hue: float = 0.1) -> Tensor:
    """Brightness, contrast and saturation times 1 +- `strength`, hue turned by +-`hue` of the circle."""
    n, device = len(images), images.device
    bright, contrast, colour = torch.empty(3, n, 1, 1, 1, device=device).uniform_(1 - strength, 1 + strength)
    images = (images * bright).clamp(0, 1)
    mean = _grey(images).mean((1, 2, 3), keepdim=True)
    images = (mean + (images - mean) * contrast).clamp(0, 1)
    grey = _grey(images)
    images = (grey + (images - grey) * colour).clamp(0, 1)
    angle = torch.empty(n, device=device).uniform_(-hue, hue) * 2 * math.pi
    zero, one = torch.zeros_like(angle), torch.ones_like(angle)
    turn = torch.stack(
        [one, zero, zero, zero, angle.cos(), -angle.sin(), zero, angle.sin(), angle.cos()], 1
    ).view(n, 3, 3)
    yiq = torch.tensor(_TO_YIQ, device=device)
    return torch.einsum("nij,njhw->nihw", torch.linalg.inv(yiq) @ turn @ yiq, images).clamp(0, 1)


def _grey(images: Tensor) -> Tensor:
    weights = torch.tensor(_GREY, device=images.device)[:, None, None]
    return (images * weights).sum(1, keepdim=True)


def _blurred(images: Tensor) -> Tensor:
    """A Gaussian blur of 0.1 to 2 pixels for each image; as a sum of shifted copies, one kernel a row."""
    n, _, height, width = images.shape
    radius = max(1, min(height, width) // 20)
    sigma = torch.empty(n, 1, device=images.device).uniform_(0.1, 2.0)
    offsets = torch.arange(-radius, radius + 1, device=images.device)
    kernel = (-(offsets**2) / (2 * sigma**2)).exp()
    kernel = (kernel / kernel.sum(1, keepdim=True))[:, :, None, None, None]
    for axis, length in ((2, height), (3, width)):
        pads = (0, 0, radius, radius) if axis == 2 else (radius, radius, 0, 0)
        padded = F.pad(images, pads, mode="reflect")
        images = sum(  # type: ignore[assignment]
            kernel[:, at] * padded.narrow(axis, at, length) for at in range(2 * radius + 1)
        )
    return images


def _sometimes(images: Tensor, changed: Tensor, share: float) -> Tensor:
    chosen = torch.rand(len(images), device=images.device) < share
    return torch.where(chosen[:, None, None, None], changed, images)
