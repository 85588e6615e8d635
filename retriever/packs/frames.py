"""From decoded frames to what models see: which frames, without alpha, in eight bits, the right way up."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

WHITE = (255, 255, 255)
_ORIENTATION_TAG = 0x0112


def sample_indices(n_frames: int, at_most: int) -> tuple[int, ...]:
    """Which frames of an animation stand for it: evenly spread, the first and the last among them.

    Index ``i`` of ``m`` is ``round(i * (n - 1) / (m - 1))``, halves rounded up; with ``m = 1`` it is the
    middle frame, because animations often begin and end at rest.

    Args:
        n_frames: n, how many there are, at least 1.
        at_most: m, how many are wanted, at least 1; all are taken when there are no more than that.

    Returns:
        Increasing indices, no two equal.
    """
    if n_frames <= at_most:
        return tuple(range(n_frames))
    if at_most == 1:
        return ((n_frames - 1) // 2,)
    steps = at_most - 1
    return tuple((2 * i * (n_frames - 1) + steps) // (2 * steps) for i in range(at_most))


def on_white(image: "Image", size: tuple[int, int]) -> "Image":
    """A new RGB image of `size` with `image` at its top left, its transparency shown as white.

    Libraries disagree on what transparency looks like (some paste on white, some on black), and the same
    sticker would get two embeddings; so it is decided here, once.
    """
    from PIL import Image as pil

    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        image = _eight_bits(image)
    transparent = "A" in image.mode or "a" in image.mode or "transparency" in image.info
    if not transparent and image.size == size:
        return image.convert("RGB")
    ground = pil.new("RGB", size, WHITE)
    if transparent:
        image = image.convert("RGBA")
        ground.paste(image, mask=image.getchannel("A"))
    else:
        ground.paste(image.convert("RGB"))
    return ground


def upright(image: "Image") -> "Image":
    """`image` turned as its EXIF orientation asks; itself where there is none."""
    if "exif" not in image.info:
        return image
    from PIL import ImageOps

    if image.getexif().get(_ORIENTATION_TAG, 1) == 1:
        return image
    return ImageOps.exif_transpose(image)


def pillow_frames(image: "Image", first: int, wanted: tuple[int, ...]) -> Iterator["Image"]:
    """Decode every frame up to the last wanted one and yield the wanted ones.

    The frames between have to be decoded anyway, since each is drawn upon the one before.

    Args:
        image: opened, not yet loaded.
        first: the decoder's index of the animation's first frame.
        wanted: increasing indices, counted from `first`.

    Raises:
        OSError, EOFError, SyntaxError, ...: whatever the decoder says about bad data.
    """
    keep = set(wanted)
    for index in range(wanted[-1] + 1):
        if first + index:
            image.seek(first + index)
        image.load()
        if index in keep:
            yield image


def _eight_bits(image: "Image") -> "Image":
    """Grey of 16 or 32 bits as 8 bits: the high byte (Pillow's own conversion would clip at 255)."""
    import numpy as np
    from PIL import Image as pil

    values = np.asarray(image).astype(np.float64)
    return pil.fromarray((values / 257.0).clip(0, 255).round().astype(np.uint8))
