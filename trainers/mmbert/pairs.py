"""Right and wrong: every training sample beside one sticker that was not sent."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from retriever.errors import InputError
from trainers.datasets.ranking import RankingData
from trainers.mmbert.config import NegativesConfig

__all__ = ["in_pairs"]


def in_pairs(data: RankingData, config: NegativesConfig) -> RankingData:
    """The same samples with two candidates each, the sent sticker first.

    A function of the seed, the sample and, where `config` says so, the epoch. A sample whose own candidates
    have no other sticker gets one of those that samples sent.

    Raises:
        InputError: all samples sent the same sticker.
    """
    seen = list(dict.fromkeys(sample.sticker for sample in data.samples))
    if len(seen) < 2:
        raise InputError(
            f"all {len(data.samples)} training samples sent the same sticker {seen[0]!r}; matching is learnt "
            "from at least two"
        )
    place = {sticker: at for at, sticker in enumerate(seen)}

    def draw(index: int, epoch: int) -> tuple[Sequence[str | None], int]:
        epoch = epoch if config.when == "epoch" else 0
        rng = np.random.default_rng((config.seed, epoch, index))
        sent = data.samples[index].sticker
        if config.pool == "candidates":
            listed = data.draw(index, epoch).candidates
            others = [id_ for id_ in listed if id_ is not None and id_ != sent]
            if others:
                return (sent, others[int(rng.integers(len(others)))]), 0
        at = int(rng.integers(len(seen) - 1))
        return (sent, seen[at + (at >= place[sent])]), 0

    samples = [replace(sample, candidates=(), gold=0) for sample in data.samples]
    return replace(data, samples=samples, drawn=draw)
