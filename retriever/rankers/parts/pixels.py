"""A sticker's file as the square of pixels the image encoder sees: the same in training and afterwards."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from retriever.errors import BadImage
from retriever.packs.decode import decode
from retriever.packs.limits import DEFAULT_LIMITS
from retriever.rankers.parts.config import Fit
from retriever.types import Sticker

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["square", "sticker_pixels"]

_LIMITS = replace(DEFAULT_LIMITS, max_sampled_frames=1)
_WHITE = (255, 255, 255)


def square(picture: "Image", side: int, fit: Fit = "pad") -> NDArray[np.uint8]:
    """(side, side, 3) uint8 RGB of an RGB picture, resampled bicubically.

    Args:
        fit: ``pad`` puts white beside it, ``stretch`` scales its sides apart, ``crop`` cuts out its middle.
    """
    from PIL import Image, ImageOps

    bicubic = Image.Resampling.BICUBIC
    if fit == "stretch":
        resized = picture.resize((side, side), bicubic)
    elif fit == "crop":
        resized = ImageOps.fit(picture, (side, side), bicubic)
    else:
        resized = ImageOps.pad(picture, (side, side), bicubic, color=_WHITE)
    return np.asarray(resized, np.uint8)


def sticker_pixels(stickers: Sequence[Sticker], side: int, fit: Fit) -> NDArray[np.uint8]:
    """(n, side, side, 3) uint8 RGB on white; of an animation its middle frame.

    Raises:
        BadImage: a file is not there or cannot be decoded; the sticker is named.
    """
    pixels = np.empty((len(stickers), side, side, 3), np.uint8)
    for row, sticker in enumerate(stickers):
        try:
            picture = decode(Path(sticker.path).read_bytes(), _LIMITS).frames[0]
        except OSError as error:
            raise BadImage(
                "missing_file", f"sticker {sticker.id}: {sticker.path}: {error.strerror}"
            ) from error
        except BadImage as error:
            raise BadImage(error.reason, f"sticker {sticker.id}: {error.detail}") from error
        pixels[row] = square(picture, side, fit)
    return pixels
