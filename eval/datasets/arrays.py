"""StickerChat's arrays as pictures; how a picture becomes square is the ranker's (`rankers.parts.pixels`)."""

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from retriever.errors import BadImage

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["picture_of_array", "read_array_as_png"]


def picture_of_array(data: bytes) -> "Image":
    """StickerChat's stickers: a ``.npy`` of (h, w, 3) values 0..255 as an RGB picture.

    Grey (h, w) and (h, w, 1) are repeated to three channels, (h, w, 4) is shown on white; numbers that are
    not uint8 are taken where they are whole and within 0..255.

    Raises:
        BadImage: another shape or other values, or no ``.npy`` at all.
    """
    from PIL import Image

    from retriever.packs.frames import on_white

    try:
        values: NDArray[Any] = np.load(BytesIO(data), allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise BadImage("corrupt", f"no .npy array ({error})") from error
    if values.ndim == 2:
        values = values[..., None]
    if values.ndim != 3 or values.shape[2] not in (1, 3, 4) or 0 in values.shape:
        raise BadImage("corrupt", f"an array of shape {values.shape}; expected (height, width, 3)")
    if values.dtype != np.uint8:
        numeric = values.dtype.kind in "iuf"
        if not numeric or not bool(((values >= 0) & (values <= 255) & (values == np.floor(values))).all()):
            raise BadImage("corrupt", f"an array of {values.dtype}; expected uint8, 0 to 255")
        values = values.astype(np.uint8)
    if values.shape[2] == 1:
        values = np.repeat(values, 3, axis=2)
    picture = Image.fromarray(np.ascontiguousarray(values))
    return on_white(picture, picture.size)


def read_array_as_png(path: Path) -> bytes:
    """An array file as the bytes of a PNG, which every reader of packs can decode.

    Raises:
        BadImage: the file is not there, is too large, or is no such array.
    """
    from retriever.packs.limits import DEFAULT_LIMITS
    from retriever.packs.readers.folder import read_file

    file = BytesIO()
    picture_of_array(read_file(path, DEFAULT_LIMITS.max_file_bytes)).save(file, "PNG", compress_level=1)
    return file.getvalue()
