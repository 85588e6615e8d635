"""How stickers look, kept as one short text a sticker, and which of them are the same."""

import base64
import zlib
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from retriever.indexing.state import State
from retriever.packs.duplicates import difference_hash, exact_duplicates, near_duplicates, thumbnail

if TYPE_CHECKING:
    from PIL.Image import Image

Groups = tuple[tuple[str, ...], ...]

_SHAPE = (16, 16, 3)
_HASH_BYTES = 8


def look_of(image: "Image") -> str:
    """A sticker's difference hash and thumbnail as text, a few hundred characters.

    Args:
        image: the first frame, RGB on its white ground.
    """
    data = difference_hash(image).to_bytes(_HASH_BYTES) + thumbnail(image).tobytes()
    return base64.b85encode(zlib.compress(data, 9)).decode("ascii")


def read_look(look: str) -> tuple[int, NDArray[np.uint8]]:
    """The opposite of `look_of`: the hash, and the thumbnail (16, 16, 3)."""
    data = zlib.decompress(base64.b85decode(look))
    pixels = np.frombuffer(data, dtype=np.uint8, offset=_HASH_BYTES)
    return int.from_bytes(data[:_HASH_BYTES]), pixels.reshape(_SHAPE)


def duplicates(state: State) -> tuple[Groups, Groups]:
    """Groups of ids with equal bytes, and groups that look alike without all being equal."""
    ids = sorted(state.entries)
    shas = [state.entries[sticker_id].sha256 for sticker_id in ids]
    hashes = np.empty(len(ids), dtype=np.uint64)
    thumbnails = np.empty((len(ids), *_SHAPE), dtype=np.uint8)
    for row, sticker_id in enumerate(ids):
        hashes[row], thumbnails[row] = read_look(state.entries[sticker_id].row["look"])
    exact = tuple(tuple(ids[row] for row in group) for group in exact_duplicates(shas))
    near = tuple(
        tuple(ids[row] for row in group)
        for group in near_duplicates(hashes, thumbnails)
        if len({shas[row] for row in group}) > 1
    )
    return exact, near
