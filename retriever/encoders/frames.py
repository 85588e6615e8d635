"""From the vectors of frames to the vectors of stickers."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retriever.encoders.base import EncoderSpec, Vectors
from retriever.encoders.checks import unit_rows

__all__ = ["mean_of_frames"]


def mean_of_frames(rows: NDArray[Any], counts: Sequence[int], spec: EncoderSpec) -> Vectors:
    """The normalised mean of each sticker's normalised frame vectors.

    Args:
        rows: ``(sum(counts), dimension)``, the frames of the first sticker first.
        counts: frames of each sticker, each at least 1.

    Returns:
        Unit vectors, ``(len(counts), dimension)``.

    Raises:
        ModelError: a row is not finite, or has another length than `spec.dimension`.
    """
    unit = unit_rows(np.asarray(rows), sum(counts), spec.dimension, spec.name)
    starts = np.cumsum([0, *counts[:-1]])
    sums = np.add.reduceat(unit.astype(np.float64), starts, axis=0) if counts else unit
    return unit_rows(sums, len(counts), spec.dimension, spec.name)
