"""How positive stickers and conversations are, from 0 (negative) to 1 (positive)."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retriever.errors import InputError
from trainers.analyses.subjects import PBRSubject
from trainers.datasets.ranking import StickerImages

__all__ = ["conversation_sentiment", "sticker_sentiment"]

CLUSTERS = 60


def sticker_sentiment(
    subject: PBRSubject, teacher: Path | None = None, device: str = "auto"
) -> NDArray[np.float64]:
    """(n,) of every sticker's row; NaN where nobody knows.

    With a teacher (named, or the one the checkpoint was trained with): the P of its seven class scores, as
    mining pools them (`trainers.mining.sticker_polarity`). Otherwise by the packs' labels: surprise and
    happiness 1, neutral 0.5, the others 0.

    Raises:
        InputError: neither a teacher nor labels.
    """
    folder = teacher or subject.teacher
    if folder is not None:
        return _by_teacher(subject, folder, device)
    return _by_label(subject.data.stickers)


def conversation_sentiment(subject: PBRSubject) -> NDArray[np.float64]:
    """(k,) of every sample: its positive share of what carries sentiment; 0.5 where nothing does."""
    from trainers.polarity import conversation_polarity

    found = [conversation_polarity(sample.conversation) for sample in subject.data.samples]
    return np.array([up / (up + down) if up + down > 0 else 0.5 for up, down in found])


def _by_teacher(subject: PBRSubject, folder: Path, device: str) -> NDArray[np.float64]:
    import torch

    from trainers.mining import sticker_polarity
    from trainers.teacher.outputs import class_scores

    logits = class_scores(folder, subject.data.stickers, subject.cache, device)
    return sticker_polarity(torch.from_numpy(np.array(logits)))[:, 0].double().numpy()


def _by_label(stickers: StickerImages) -> NDArray[np.float64]:
    from trainers.mining import NEGATIVE, POSITIVE

    found = np.full(len(stickers), np.nan)
    known = stickers.emotion >= 0
    found[known] = 0.5
    found[np.isin(stickers.emotion, POSITIVE)] = 1.0
    found[np.isin(stickers.emotion, NEGATIVE)] = 0.0
    if not known.any():
        raise InputError("no sticker has an emotion, and no teacher is named; give one with --teacher")
    return found
