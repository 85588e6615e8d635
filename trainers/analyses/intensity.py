"""How well a ranker does by sentiment intensity, of the conversation and of the sticker (figure 5)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retriever.errors import InputError
from trainers.analyses.picture import BLUE, GREY, ORANGE, new_figure, save_figure
from trainers.analyses.sentiment import conversation_sentiment, sticker_sentiment
from trainers.analyses.subjects import PBRSubject

__all__ = ["Curve", "binned", "intensity_curves"]

BINS = 10
FEWEST = 5
"""A bin with fewer samples is not drawn: its mean says nothing."""


@dataclass(frozen=True, slots=True)
class Curve:
    """Means by bin of intensity, [0, 1] in equal parts.

    Attributes:
        count: (b,) samples in each.
        mean_ap, recall: (b,) MAP and R@1 in percent; NaN where a bin is empty.
    """

    count: NDArray[np.int64]
    mean_ap: NDArray[np.float64]
    recall: NDArray[np.float64]


def intensity_curves(
    subjects: Sequence[PBRSubject], out: Path, teacher: Path | None = None, device: str = "auto"
) -> list[dict[str, Any]]:
    """Draw both curves of every subject, a row each, and give their numbers.

    The conversation's intensity is the share of positive sentiment in it; the sticker's is that of the one
    that was sent. Samples whose sticker nobody has judged are left out of the right column, and counted.

    Raises:
        InputError: no sentiment of stickers is known.
    """
    from eval.metrics import average_precision, recall_at_k
    from trainers.ranking.scoring import score_samples

    figure = new_figure(9, 3.2 * len(subjects))
    axes = figure.subplots(len(subjects), 2, squeeze=False)
    told: list[dict[str, Any]] = []
    for row, subject in enumerate(subjects):
        samples = [subject.data.draw(at) for at in range(len(subject.data.samples))]
        scores = score_samples(subject.ranker, samples, subject.data.stickers)
        places = [np.arange(len(sample.candidates)) == sample.gold for sample in samples]
        ap = 100 * np.array(
            [average_precision(s[None], p[None])[0] for s, p in zip(scores, places, strict=True)]
        )
        first = 100 * np.array(
            [recall_at_k(s[None], p[None], 1)[0] for s, p in zip(scores, places, strict=True)]
        )
        stickers = sticker_sentiment(subject, teacher, device)
        sent = stickers[subject.data.stickers.rows([sample.sticker for sample in samples])]
        known = np.isfinite(sent)
        if not known.any():
            raise InputError("no sent sticker has a known sentiment; give a teacher with --teacher")
        curves = {
            "conversation": binned(conversation_sentiment(subject), ap, first),
            "sticker": binned(sent[known], ap[known], first[known]),
        }
        for axis, (what, curve) in zip(axes[row], curves.items(), strict=True):
            _draw(axis, curve, f"{subject.name}: {what}")
        told.append(
            {
                "name": subject.name,
                "unjudged": int((~known).sum()),
                **{k: _rows(c) for k, c in curves.items()},
            }
        )
    save_figure(figure, out)
    return told


def binned(intensity: NDArray[np.float64], ap: NDArray[np.float64], first: NDArray[np.float64]) -> Curve:
    """Means of both measures over ten equal parts of [0, 1]; 1 falls into the last.

    Args:
        intensity: (k,) in [0, 1].
        ap, first: (k,) of each sample.
    """
    at = np.minimum((intensity * BINS).astype(int), BINS - 1)
    count = np.bincount(at, minlength=BINS)
    with np.errstate(invalid="ignore"):
        mean_ap, recall = (np.bincount(at, values, BINS) / count for values in (ap, first))
    return Curve(count, mean_ap, recall)


def _rows(curve: Curve) -> list[dict[str, float]]:
    return [
        {"from": at / BINS, "count": int(count), "MAP": round(float(m), 2), "R@1": round(float(r), 2)}
        for at, (count, m, r) in enumerate(zip(curve.count, curve.mean_ap, curve.recall, strict=True))
        if count
    ]


def _draw(axis: Any, curve: Curve, title: str) -> None:
    middle = (np.arange(BINS) + 0.5) / BINS
    enough = curve.count >= FEWEST
    behind = axis.twinx()
    behind.bar(middle, curve.count, width=0.9 / BINS, color=GREY, alpha=0.25)
    behind.set_ylabel("samples", color=GREY)
    axis.set_zorder(behind.get_zorder() + 1)
    axis.patch.set_visible(False)
    for values, name, colour, marker in (
        (curve.mean_ap, "MAP", BLUE, "o"),
        (curve.recall, "R@1", ORANGE, "s"),
    ):
        axis.plot(middle[enough], values[enough], marker=marker, color=colour, label=name)
    axis.set_xlim(0, 1)
    axis.set_xlabel("negative   \N{LEFTWARDS ARROW}   sentiment   \N{RIGHTWARDS ARROW}   positive")
    axis.set_ylabel("percent")
    axis.set_title(title, fontsize=10)
    axis.legend(loc="best", fontsize=8)
