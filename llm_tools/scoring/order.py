"""From the numbers that a model wrote to places, whatever it wrote."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Places", "places"]


@dataclass(frozen=True, slots=True)
class Places:
    """What an order says.

    Attributes:
        scores: (count,), 1 for the first place, 0 for the last, evenly spaced.
        duplicate: numbers given again; the first time counts.
        missing: numbers not given; they share the places left, so none is put before another.
        invented: numbers that stand for nothing; dropped.
    """

    scores: NDArray[np.float64]
    duplicate: int
    missing: int
    invented: int


def places(order: Sequence[int], count: int) -> Places:
    """The places that `order`, numbers from 1 to `count`, best first, gives to `count` >= 2 stickers."""
    valid = [number for number in order if 1 <= number <= count]
    listed = list(dict.fromkeys(valid))
    missing = count - len(listed)
    # The places left are len(listed) .. count - 1; everybody missing gets their mean.
    ranks = np.full(count, (len(listed) + count - 1) / 2.0)
    for rank, number in enumerate(listed):
        ranks[number - 1] = rank
    return Places(
        scores=1.0 - ranks / (count - 1),
        duplicate=len(valid) - len(listed),
        missing=missing,
        invented=len(order) - len(valid),
    )
