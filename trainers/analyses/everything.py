"""Whole splits through a ranker of any family that looks at pictures: given candidates, or all stickers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from retriever.errors import InputError
from retriever.rankers.base import Ranker
from trainers.analyses.subjects import Seeing, Subject, open_subject
from trainers.datasets.load import load_split
from trainers.datasets.ranking import RankingData, RankingSample, StickerImages

__all__ = ["among_all", "drawn", "open_split", "scores_of"]


def open_split(
    path: Path,
    split: str = "valid",
    data: str | None = None,
    packs: Sequence[str] = (),
    limit: int | None = None,
    device: str = "auto",
) -> tuple[Subject[Seeing], RankingData]:
    """A checkpoint with the split it is to be measured on.

    Raises:
        InputError: as of `open_subject`; or the data have no such split.
    """
    subject: Subject[Seeing] = open_subject(path, cast(Any, object), data, packs, limit, device)
    if split == "valid":
        return subject, subject.data
    image = subject.ranker.image
    config = subject.config.model_copy(update={"valid_limit": limit} if limit else {})
    return subject, load_split(config, split, image.size, image.fit)


def drawn(data: RankingData) -> list[RankingSample]:
    """Every sample with its candidates."""
    return [data.draw(at) for at in range(len(data.samples))]


def among_all(data: RankingData) -> list[RankingSample]:
    """Every sample with every sticker as a candidate."""
    ids = data.stickers.ids
    return [sample.with_candidates(ids, data.stickers.row(sample.sticker)) for sample in data.samples]


def scores_of(
    ranker: Ranker, samples: Sequence[RankingSample], stickers: StickerImages
) -> list[NDArray[np.float64]]:
    """Each sample's scores of its candidates.

    Raises:
        InputError: a ranker that does not score pictures of a cache.
    """
    from retriever.rankers.mmbert.ranker import MMBERTRanker

    if isinstance(ranker, MMBERTRanker):
        from trainers.mmbert.scoring import score_samples as score_mmbert

        return score_mmbert(ranker, samples, stickers)
    if not all(hasattr(ranker, name) for name in ("images", "texts", "pairs")):
        raise InputError(f"{ranker.family} rankers do not score cached pictures; use `sticker eval`")
    from trainers.ranking.scoring import score_samples

    return score_samples(cast(Any, ranker), samples, stickers)
