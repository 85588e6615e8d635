"""Whole splits through a ranker of any family: given candidates, or all stickers."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from retriever.errors import InputError
from retriever.rankers.base import Ranker, take
from retriever.rankers.int_ra.tokens import sticker_texts
from retriever.types import Sticker
from trainers.analyses.subjects import Seeing, Subject, open_subject, seen_as
from trainers.datasets.knowledge import KnowledgeConfig, find_knowledge, stickers_in_words, with_inferences
from trainers.datasets.load import load_split
from trainers.datasets.ranking import RankingData, RankingSample, StickerImages

__all__ = ["among_all", "drawn", "open_split", "scores_of", "with_knowledge"]


def open_split(
    path: Path,
    split: str = "valid",
    data: str | None = None,
    packs: Sequence[str] = (),
    limit: int | None = None,
    device: str = "auto",
) -> tuple[Subject[Ranker], RankingData]:
    """A checkpoint with the split it is to be measured on, and what models wrote about that.

    The journals are those of the training, or those beside the data named; an Int-RA ranker reads what they
    say of conversations and stickers, a dual ranker what they say of stickers.

    Raises:
        InputError: as of `open_subject`; or the data have no such split.
    """
    subject: Subject[Ranker] = open_subject(path, cast(Any, object), data, packs, limit, device)
    found = subject.data
    if split != "valid":
        config = subject.config.model_copy(update={"valid_limit": limit} if limit else {})
        found = load_split(config, split, *seen_as(subject.ranker))
    found, words = with_knowledge(subject, found, data is None)
    return replace(subject, words=words), found


def with_knowledge(
    subject: Subject[Any], data: RankingData, own: bool
) -> tuple[RankingData, tuple[Sticker, ...]]:
    """Data with what models inferred of the conversations, and what is known of their stickers in words.

    Args:
        own: the data are those of the subject's training, and so are the journals; else those beside them.
    """
    told = subject.told.get("knowledge", {}) if own else {}
    known = find_knowledge(KnowledgeConfig.model_validate(told), subject.config.path)
    return with_inferences(data, known)[0], stickers_in_words(data.stickers, known)


def drawn(data: RankingData) -> list[RankingSample]:
    """Every sample with its candidates."""
    return [data.draw(at) for at in range(len(data.samples))]


def among_all(data: RankingData) -> list[RankingSample]:
    """Every sample with every sticker as a candidate."""
    ids = data.stickers.ids
    return [sample.with_candidates(ids, data.stickers.row(sample.sticker)) for sample in data.samples]


def scores_of(
    ranker: Ranker, samples: Sequence[RankingSample], stickers: StickerImages, words: Sequence[Sticker] = ()
) -> list[NDArray[np.float64]]:
    """Each sample's scores of its candidates.

    Args:
        words: what is known of the rows of `stickers` in words; empty takes what their packs say.

    Raises:
        InputError: a ranker that looks at pictures, but not at those of a cache.
    """
    from retriever.rankers.int_ra.ranker import IntRARanker
    from retriever.rankers.mmbert.ranker import MMBERTRanker

    if isinstance(ranker, MMBERTRanker):
        from trainers.mmbert.scoring import score_samples as score_mmbert

        return score_mmbert(ranker, samples, stickers)
    if all(hasattr(ranker, name) for name in ("images", "texts", "pairs")):
        from trainers.ranking.scoring import score_samples

        return score_samples(cast(Any, ranker), samples, stickers)
    known = words or stickers_in_words(stickers)
    if isinstance(ranker, IntRARanker):
        from trainers.int_ra.scoring import score_samples as score_int_ra

        texts = [sticker_texts(sticker, ranker.config) for sticker in known]
        return score_int_ra(ranker, samples, stickers, texts)[0]
    if isinstance(ranker, Seeing):
        raise InputError(f"{ranker.family} rankers do not score cached pictures; use `sticker eval`")
    return _by_words(ranker, samples, stickers, known)


def _by_words(
    ranker: Ranker, samples: Sequence[RankingSample], stickers: StickerImages, words: Sequence[Sticker]
) -> list[NDArray[np.float64]]:
    """Of a ranker that never looks; an empty slot is a sticker of which nothing is known."""
    features = ranker.encode_stickers([*words, Sticker("", "", "", "")])
    scores = []
    for sample in samples:
        rows = stickers.rows(sample.candidates)
        scores.append(ranker.score(sample.conversation, take(features, rows % (len(words) + 1))))
    return scores
