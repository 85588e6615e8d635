"""Where a ranker looks, in a conversation and in the stickers it likes best (figure 6)."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retriever.errors import InputError
from trainers.analyses.picture import BLUE, new_figure, save_figure
from trainers.analyses.sentiment import sticker_sentiment
from trainers.analyses.subjects import PBRSubject
from trainers.analyses.talk import RED, chosen_samples, draw_talk

__all__ = ["attention_maps"]

TOP = 6
_GREEN = "#2c9c4b"


def attention_maps(
    subject: PBRSubject,
    out: Path,
    ids: Sequence[str] = (),
    count: int = 4,
    teacher: Path | None = None,
    device: str = "auto",
) -> list[dict[str, Any]]:
    """Draw a few samples, a row each: the conversation, and the six stickers ranked first.

    An utterance's background is the attention that [CLS] gives it while the sent sticker is matched; over
    each sticker lies its regions' attention, above it the score (green frame: the sent one), and beside it
    its sentiment, red for positive and blue for negative, where it is known.

    Args:
        ids: of samples; empty takes the first `count`.

    Raises:
        InputError: no sample of such an id.
    """
    samples = chosen_samples(subject.data, ids, count)
    try:
        sentiment: NDArray[np.float64] | None = sticker_sentiment(subject, teacher, device)
    except InputError:  # the bars are an extra
        sentiment = None
    figure = new_figure(4.4 + 1.6 * TOP, 2.6 * len(samples))
    grid = figure.add_gridspec(len(samples), 1 + TOP, width_ratios=[4.4, *[1.6] * TOP])
    told = []
    for row, sample in enumerate(samples):
        stickers = subject.data.stickers
        candidates = [id_ for id_ in dict.fromkeys(sample.candidates) if id_ is not None]
        rows = stickers.rows(candidates)
        features = subject.ranker.encode_pixels(stickers.pixels(rows))
        scores = subject.ranker.score(sample.conversation, features)
        maps = subject.ranker.attention(sample.conversation, features)
        order = np.argsort(-scores, kind="stable")[:TOP]
        gold = candidates.index(sample.sticker)
        draw_talk(figure.add_subplot(grid[row, 0]), sample, maps.utterances[gold])
        for place, at in enumerate(order, start=1):
            axis = figure.add_subplot(grid[row, place])
            feeling = None if sentiment is None else float(sentiment[rows[at]])
            picture = stickers.pixels(rows[at : at + 1])[0]
            _draw_sticker(axis, picture, maps.regions[at], float(scores[at]), at == gold, feeling)
        told.append(
            {
                "id": sample.id,
                "rank": int((scores > scores[gold]).sum()) + 1,
                "utterances": [round(float(value), 4) for value in maps.utterances[gold]],
                "top": [candidates[at] for at in order],
            }
        )
    save_figure(figure, out)
    return told


def _draw_sticker(
    axis: Any,
    picture: NDArray[np.uint8],
    regions: NDArray[np.float64],
    score: float,
    sent: bool,
    feeling: float | None,
) -> None:
    axis.imshow(picture)
    side, edge = picture.shape[0], math.isqrt(len(regions))
    if edge * edge == len(regions):  # else the encoder's regions are no square
        heat = regions.reshape(edge, edge)
        extent = (-0.5, side - 0.5, side - 0.5, -0.5)
        axis.imshow(heat, cmap="inferno", alpha=0.45, extent=extent, interpolation="bilinear")
    axis.set_title(f"{score:.2f}", fontsize=8, color=_GREEN if sent else "black")
    for edge_line in axis.spines.values():
        edge_line.set_edgecolor(_GREEN if sent else "#cccccc")
        edge_line.set_linewidth(2.5 if sent else 0.8)
    axis.set_xticks([])
    axis.set_yticks([])
    if feeling is not None and math.isfinite(feeling):
        strength = 2 * feeling - 1
        bar = axis.inset_axes([1.03, 0.0, 0.06, 1.0])
        bar.bar(0, strength, color=RED if strength > 0 else BLUE)
        bar.axhline(0, color="#888888", linewidth=0.5)
        bar.set_ylim(-1, 1)
        bar.axis("off")
