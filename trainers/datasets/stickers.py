"""Sources of images as `StickerImages`: decoded, numbered, with labels; what cannot be used is told."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from eval.labels import normal_label
from retriever.errors import InputError
from retriever.labels import EMOTIONS
from retriever.rankers.parts.config import Fit
from trainers.datasets.ranking import StickerImages
from trainers.images.cache import cache_images
from trainers.images.sources import ImageSource

__all__ = ["emotion_index", "load_stickers"]

_SHOWN = 3


def load_stickers(
    sources: Sequence[ImageSource],
    cache: Path,
    side: int = 128,
    fit: Fit = "pad",
    blank: int = 127,
    show_progress: bool | None = None,
) -> tuple[StickerImages, dict[str, str]]:
    """The stickers that can be decoded, in the order of `sources`, and why the others cannot.

    Args:
        cache: see `trainers.images.cache`.
        side: pixels along an edge.
        blank: grey value of an empty slot.

    Raises:
        InputError: not one image can be used, or two sources have the same id.
    """
    cached = cache_images(sources, cache, side, fit, show_progress)
    good: list[int] = np.flatnonzero(cached.image_of >= 0).tolist()
    if not good:
        told = "; ".join(f"{id_}: {why}" for id_, why in list(cached.problems.items())[:_SHOWN])
        raise InputError(f"none of {len(sources)} sticker images can be used ({told or 'there are none'})")
    ids = tuple(sources[at].id for at in good)
    if len(set(ids)) < len(ids):
        twice = next(id_ for id_ in ids if ids.count(id_) > 1)
        raise InputError(f"two stickers have the id {twice!r}; ids have to differ")
    packs: dict[str, int] = {}
    topic = [packs.setdefault(sources[at].pack, len(packs)) for at in good]
    emotion = [emotion_index(sources[at].emotion) for at in good]
    stickers = StickerImages(
        ids,
        cached.images,
        cached.image_of[good],
        np.array(topic, np.int64),
        np.array(emotion, np.int64),
        tuple(cached.sha256[at] for at in good),
        blank,
        tuple(sources[at].said for at in good),
    )
    return stickers, cached.problems


def emotion_index(label: str | None) -> int:
    """The place of an emotion among `retriever.labels.EMOTIONS`; -1 where it is none of them."""
    name = normal_label(label)
    return EMOTIONS.index(name) if name in EMOTIONS else -1
