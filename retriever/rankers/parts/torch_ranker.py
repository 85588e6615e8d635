"""What rankers on torch share: a device, a precision, pictures a batch at a time, finite scores."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic, Literal, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from retriever.errors import ModelError
from retriever.rankers.parts.config import ImageConfig
from retriever.rankers.parts.pixels import sticker_pixels
from retriever.rankers.parts.weights import pick_device
from retriever.scorers.base import Scores
from retriever.types import Sticker

__all__ = ["Precision", "TorchRanker"]

Precision = Literal["fp32", "bf16"]
ModelT = TypeVar("ModelT", bound=nn.Module)
_IMAGES = 64


class TorchRanker(Generic[ModelT]):
    """The common half of a `retriever.rankers.base.Ranker` on torch: inference only.

    Args:
        model: in any state; it is put on `device` and into evaluation mode. Its ``config.image`` says what
            pictures it sees.
        model_id: changes with the weights.
        device: ``auto``, ``cpu`` or ``cuda``.
        precision: ``bf16`` halves time and memory on a GPU, at the price of the last digits of the scores.

    Raises:
        InputError: there is no such device here.
    """

    def __init__(self, model: ModelT, model_id: str, device: str, precision: Precision) -> None:
        self.device = pick_device(device)
        self.model: ModelT = model.to(self.device).eval()
        self.model_id = model_id
        self.precision = precision

    @property
    def image(self) -> ImageConfig:
        """What pictures it sees."""
        config: Any = self.model.config
        image: ImageConfig = config.image
        return image

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bf16")

    def _put(self, *arrays: NDArray[Any]) -> tuple[Tensor, ...]:
        """`arrays` on the device."""
        return tuple(torch.from_numpy(np.ascontiguousarray(array)).to(self.device) for array in arrays)

    def _pixels(self, stickers: Sequence[Sticker]) -> NDArray[np.uint8]:
        """(n, size, size, 3): the stickers' files as the model sees them.

        Raises:
            BadImage: an image cannot be read.
        """
        return sticker_pixels(stickers, self.image.size, self.image.fit)

    def _batches(self, stickers: Sequence[Sticker]) -> Iterator[tuple[Sequence[Sticker], NDArray[np.uint8]]]:
        """Some stickers and their `_pixels`, until all have been had; nothing for no sticker."""
        for start in range(0, len(stickers), _IMAGES):
            part = stickers[start : start + _IMAGES]
            yield part, self._pixels(part)

    def _encode_all(
        self,
        stickers: Sequence[Sticker],
        encode: Callable[[NDArray[np.uint8]], dict[str, NDArray[Any]]],
    ) -> dict[str, NDArray[Any]]:
        """The features that `encode` makes of pixels, for all stickers, a batch at a time.

        Raises:
            BadImage: an image cannot be read.
        """
        found = [encode(pixels) for _, pixels in self._batches(stickers)]
        if not found:  # the shapes of nothing
            blank = np.zeros((1, self.image.size, self.image.size, 3), np.uint8)
            return {name: values[:0] for name, values in encode(blank).items()}
        return {name: np.concatenate([part[name] for part in found]) for name in found[0]}

    def _shown(self, pixels: NDArray[np.uint8]) -> Tensor:
        """(n, side, side, 3) uint8 as (n, 3, size, size) in [0, 1] on the device, resampled where needed."""
        (raw,) = self._put(pixels)
        images = raw.permute(0, 3, 1, 2).float() / 255
        size = self.image.size
        if images.shape[-1] != size:
            images = F.interpolate(images, (size, size), mode="bilinear", antialias=True)
        return images

    def _shown_in_batches(self, pixels: NDArray[np.uint8]) -> Iterator[Tensor]:
        """As `_shown`, some rows at a time; nothing for no rows."""
        return (self._shown(pixels[start : start + _IMAGES]) for start in range(0, len(pixels), _IMAGES))

    def _finite(self, scores: Scores) -> Scores:
        """`scores`, checked.

        Raises:
            ModelError: one is not finite.
        """
        if not np.isfinite(scores).all():
            raise ModelError(f"{self.model_id} gave a score that is not finite; its weights are damaged")
        return scores
