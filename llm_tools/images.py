"""A sticker's bytes to the few small pictures that a model is sent."""

import math
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from io import BytesIO
from threading import Lock
from typing import TYPE_CHECKING

from llm_tools.backends.base import Picture
from retriever.errors import InputError
from retriever.packs.decode import decode
from retriever.packs.frames import sample_indices
from retriever.packs.limits import DEFAULT_LIMITS, Limits

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["MAX_PIXELS", "PictureCache", "pictures", "shrink"]

MAX_PIXELS = 256 * 256
"""Default size of a picture: a quarter of the work of 512 x 512, and enough for a sticker."""

_SMALLEST_SIDE = 28
_LONGEST_RATIO = 16
_PATCH = 28
_QUALITY = 92


def shrink(image: "Image", max_pixels: int = MAX_PIXELS) -> "Image":
    """`image` with at most `max_pixels` pixels, never enlarged.

    What is thinner than vision models accept is laid on white: 28 pixels, and a sixteenth of the longer side,
    is the least a side gets.
    """
    from PIL import Image as pil

    scale = math.sqrt(max_pixels / (image.width * image.height))
    if scale < 1:
        size = (max(1, int(image.width * scale)), max(1, int(image.height * scale)))
        image = image.resize(size, pil.Resampling.LANCZOS, reducing_gap=2.0)
    least = max(_SMALLEST_SIDE, math.ceil(max(image.size) / _LONGEST_RATIO))
    if min(image.size) >= least:
        return image
    ground = pil.new("RGB", (max(least, image.width), max(least, image.height)), "white")
    ground.paste(image, ((ground.width - image.width) // 2, (ground.height - image.height) // 2))
    return ground


def pictures(
    data: bytes, *, frames: int = 4, max_pixels: int = MAX_PIXELS, limits: Limits = DEFAULT_LIMITS
) -> tuple[Picture, ...]:
    """The pictures that stand for a sticker: one for a still image, up to `frames` for an animation.

    Args:
        data: the sticker's file.
        frames: how many frames of an animation, evenly spread.
        max_pixels: of one picture.

    Raises:
        BadImage: the file cannot be used.
        InputError: `frames` or `max_pixels` is below 1.
    """
    if frames < 1 or max_pixels < 1:
        raise InputError(f"frames is {frames} and max_pixels {max_pixels}; expected 1 or more of both")
    decoded = decode(data, limits).frames
    chosen = [decoded[index] for index in sample_indices(len(decoded), frames)]
    return tuple(_encode(shrink(frame, max_pixels)) for frame in chosen)


def _encode(image: "Image") -> Picture:
    out = BytesIO()
    # Stickers are flat colours and letters: full chroma keeps their edges, JPEG keeps the request small.
    image.convert("RGB").save(out, "JPEG", quality=_QUALITY, subsampling=0)
    tokens = math.ceil(image.width / _PATCH) * math.ceil(image.height / _PATCH) + 2
    return Picture(out.getvalue(), "image/jpeg", tokens)


class PictureCache:
    """Keeps the last few stickers' pictures, so that several questions about one sticker decode it once.

    Safe to use from several threads; a sticker asked for twice at once is made once.
    """

    def __init__(self, size: int = 64) -> None:
        self._size = size
        self._lock = Lock()
        self._kept: OrderedDict[str, Future[tuple[Picture, ...]]] = OrderedDict()

    def __reduce__(self) -> tuple[type["PictureCache"], tuple[int]]:
        """Another process gets an empty one: pictures are cheaper made than sent."""
        return PictureCache, (self._size,)

    def get(self, key: str, make: Callable[[], tuple[Picture, ...]]) -> tuple[Picture, ...]:
        """The pictures kept under `key`, made by `make` if need be; what it raises, all who wait get."""
        with self._lock:
            future = self._kept.get(key)
            mine = future is None
            if future is None:
                future = self._kept[key] = Future()
                while len(self._kept) > self._size:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(key)
        if mine:
            try:
                future.set_result(make())
            except BaseException as error:
                future.set_exception(error)
        return future.result()
