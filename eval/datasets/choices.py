"""What policies of negatives choose, and what they need to know of a sample to choose it."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import numpy as np

__all__ = ["Choice", "Draw", "Sent", "SentSticker", "draw_among"]

Choice = tuple[tuple[str | None, ...], int]
"""Candidates, None for an empty slot, and the gold's place among them."""

Draw = Callable[[int, int], tuple[Sequence[str | None], int]]
"""(index of a sample, epoch) -> its candidates then and the gold's place, always the same ones."""


class Sent(Protocol):
    """A sample whose sticker is known."""

    @property
    def id(self) -> str: ...
    @property
    def sticker(self) -> str: ...
    @property
    def pack(self) -> str: ...


class SentSticker(NamedTuple):
    """The plainest `Sent`: the sample's id, the sticker that was sent, its pack."""

    id: str
    sticker: str
    pack: str


def draw_among(
    samples: Sequence[Sent], pool: Sequence[str], negatives: int, seed: int, fresh: bool = True
) -> Draw:
    """A function that draws negatives from one pool for all samples; fewer where it has fewer.

    Args:
        samples: the function takes their index.
        negatives: how many beside the gold, which is put at a place that is drawn too.
        fresh: others in every epoch.
    """

    def draw(index: int, epoch: int) -> tuple[Sequence[str | None], int]:
        sent = samples[index].sticker
        rng = np.random.default_rng((seed, epoch if fresh else 0, index))
        at = rng.permutation(len(pool))[: negatives + 1]
        drawn: list[str | None] = [pool[i] for i in at if pool[i] != sent][:negatives]
        place = int(rng.integers(len(drawn) + 1))
        drawn.insert(place, sent)
        return drawn, place

    return draw
