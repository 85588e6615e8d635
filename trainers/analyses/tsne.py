"""Stickers as the image encoder sees them, laid out by t-SNE and coloured by polarity (figure 4)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retriever.errors import InputError
from retriever.extras import require
from trainers.analyses.picture import GREY, new_figure, save_figure
from trainers.analyses.sentiment import sticker_sentiment
from trainers.analyses.subjects import PBRSubject

__all__ = ["neighbour_agreement", "sticker_map"]

SHOWN = 2000
NEIGHBOURS = 10
_BATCH = 64
_COLOURS = {"positive": "black", "negative": "#2ca02c", "neither": GREY}
"""The paper's: black is positive, green negative."""


def sticker_map(
    subjects: Sequence[PBRSubject],
    out: Path,
    teacher: Path | None = None,
    count: int = SHOWN,
    seed: int = 42,
    device: str = "auto",
) -> list[dict[str, Any]]:
    """Draw up to `count` stickers of every subject, a panel each.

    Features are the image encoder's [CLS] states. The polarity of a sticker is positive above 0.5, negative
    below, and neither at 0.5 or where nobody knows. Beside the picture, a number: of a sticker's ten nearest
    neighbours in feature space, how many share its polarity (percent; stickers with one only).

    Raises:
        InputError: fewer than four stickers, or no sentiment is known.
    """
    sklearn = require("sklearn.manifold", "train", "t-SNE")
    figure = new_figure(4.5 * len(subjects), 4.8)
    axes = figure.subplots(1, len(subjects), squeeze=False)[0]
    told: list[dict[str, Any]] = []
    for axis, subject in zip(axes, subjects, strict=True):
        stickers = subject.data.stickers
        rows = np.arange(len(stickers))
        if len(rows) > count:
            rows = np.sort(np.random.default_rng(seed).choice(rows, count, replace=False))
        if len(rows) < 4:
            raise InputError(f"there are {len(rows)} stickers; t-SNE needs at least 4")
        features = _features(subject, rows)
        sentiment = sticker_sentiment(subject, teacher, device)[rows]
        side = np.sign(np.nan_to_num(sentiment, nan=0.5) - 0.5)
        perplexity = min(30.0, (len(rows) - 1) / 3)
        layout = sklearn.TSNE(perplexity=perplexity, init="pca", random_state=seed).fit_transform(features)
        for name, sign in (("neither", 0), ("positive", 1), ("negative", -1)):
            at = side == sign
            axis.scatter(*layout[at].T, s=5, color=_COLOURS[name], label=f"{name} ({at.sum()})")
        agreement = neighbour_agreement(features, side)
        axis.set_title(f"{subject.name}\n{agreement:.1f} % of {NEIGHBOURS} neighbours agree", fontsize=10)
        axis.set_xticks([])
        axis.set_yticks([])
        axis.legend(fontsize=7, markerscale=2, loc="lower right")
        told.append(
            {
                "name": subject.name,
                "stickers": len(rows),
                **{name: int((side == sign).sum()) for name, sign in (("positive", 1), ("negative", -1))},
                "neighbour_agreement": round(agreement, 2),
            }
        )
    save_figure(figure, out)
    return told


def neighbour_agreement(features: NDArray[np.float32], side: NDArray[np.float64]) -> float:
    """Percent of each sticker's nearest neighbours (cosine) that have its polarity; NaN with fewer than two.

    Args:
        features: (n, f).
        side: (n,) 1 positive, -1 negative; those with 0 do not take part.
    """
    own, sign = features[side != 0], side[side != 0]
    if len(own) < 2:
        return float("nan")
    unit = own / np.maximum(np.linalg.norm(own, axis=1, keepdims=True), 1e-12)
    cosine = unit @ unit.T
    np.fill_diagonal(cosine, -np.inf)
    k = min(NEIGHBOURS, len(own) - 1)
    nearest = np.argpartition(-cosine, k - 1, axis=1)[:, :k]
    return 100 * float((sign[nearest] == sign[:, None]).mean())


def _features(subject: PBRSubject, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    pixels = subject.data.stickers.pixels
    parts = [
        subject.ranker.encode_pixels(pixels(rows[start : start + _BATCH]))["regions"][:, 0]
        for start in range(0, len(rows), _BATCH)
    ]
    return np.concatenate(parts)
