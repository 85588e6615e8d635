"""How diverse predictions are beside what was sent (MMBERT, figure 4)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retriever.rankers.base import Ranker
from trainers.analyses.everything import among_all, scores_of
from trainers.analyses.picture import BLUE, ORANGE, new_figure, save_figure
from trainers.analyses.subjects import Subject
from trainers.datasets.ranking import RankingData

__all__ = ["prediction_diversity", "spread"]


def prediction_diversity(
    subjects: Sequence[tuple[Subject[Ranker], RankingData]], out: Path
) -> list[dict[str, Any]]:
    """Draw how often each sticker is predicted first among all, and how often it was sent; give the numbers.

    Stickers stand in the order of how often they were sent. Of equal scores the first sticker is taken.
    """
    figure = new_figure(9, 2.8 * len(subjects))
    axes = figure.subplots(len(subjects), 1, squeeze=False)[:, 0]
    told = []
    for axis, (subject, data) in zip(axes, subjects, strict=True):
        n = len(data.stickers)
        scores = scores_of(subject.ranker, among_all(data), data.stickers, subject.words)
        predicted = np.bincount([int(row.argmax()) for row in scores], minlength=n)
        sent = np.bincount(data.stickers.rows([sample.sticker for sample in data.samples]), minlength=n)
        order = np.lexsort((-predicted, -sent))
        axis.bar(np.arange(n), predicted[order], width=1.0, color=ORANGE, label="predicted")
        axis.step(np.arange(n), sent[order], where="mid", color=BLUE, linewidth=1.2, label="sent")
        axis.set_xlim(-0.5, n - 0.5)
        axis.set_xlabel("stickers, by how often they were sent")
        axis.set_ylabel("samples")
        axis.set_title(subject.name, fontsize=10)
        axis.legend(fontsize=8)
        most = data.stickers.ids[int(predicted.argmax())]
        told.append(
            {
                "name": subject.name,
                "samples": len(data.samples),
                "stickers": n,
                "predicted": spread(predicted),
                "sent": spread(sent),
                "most_predicted": most,
            }
        )
    save_figure(figure, out)
    return told


def spread(counts: NDArray[np.int64]) -> dict[str, float]:
    """How counts are spread: distinct ones, entropy in bits, and the share of the largest in percent."""
    share = counts[counts > 0] / counts.sum()
    return {
        "distinct": int((counts > 0).sum()),
        "entropy": round(float(-(share * np.log2(share)).sum()) + 0.0, 4),
        "largest": round(100 * float(share.max()), 2),
    }
