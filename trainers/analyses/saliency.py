"""Which words of a dialogue count when MMBERT matches it with the sticker that was sent (figure 3)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unicodedata import east_asian_width

import numpy as np
from numpy.typing import NDArray

from retriever.rankers.mmbert.ranker import MMBERTRanker
from trainers.analyses.picture import new_figure, save_figure
from trainers.analyses.subjects import Subject
from trainers.analyses.talk import RED, chosen_samples
from trainers.datasets.ranking import RankingSample
from trainers.mmbert.batch import verbal
from trainers.mmbert.scoring import features_of

__all__ = ["word_saliency"]

_COLUMNS = 104
_LINES = 12


def word_saliency(
    subject: Subject[MMBERTRanker], out: Path, ids: Sequence[str] = (), count: int = 4
) -> list[dict[str, Any]]:
    """Draw a few samples, a row each: the dialogue, darker where a word counts more, and the sent sticker.

    Args:
        ids: of samples; empty takes the first `count`.

    Raises:
        InputError: no sample of such an id.
    """
    chosen = chosen_samples(subject.data, ids, count)
    figure = new_figure(9.5, 2.4 * len(chosen))
    grid = figure.add_gridspec(len(chosen), 2, width_ratios=[6, 1])
    told = []
    for row, sample in enumerate(chosen):
        stickers = subject.data.stickers
        rows = stickers.rows([sample.sticker])
        features = features_of(subject.ranker, stickers, rows)
        weight = subject.ranker.saliency(sample.conversation, features)[0]
        shown = subject.ranker.tokens.shown(sample.conversation)
        words = verbal(stickers, rows)[0]
        _draw_talk(figure.add_subplot(grid[row, 0]), sample, shown, weight)
        _draw_sticker(figure.add_subplot(grid[row, 1]), stickers.pixels(rows)[0], words)
        told.append(
            {
                "id": sample.id,
                "sticker": sample.sticker,
                "words": words,
                "saliency": [
                    [turn, text, round(float(value), 6)]
                    for (turn, text), value in zip(shown, weight, strict=True)
                    if text
                ],
            }
        )
    save_figure(figure, out)
    return told


def _draw_talk(
    axis: Any, sample: RankingSample, shown: Sequence[tuple[int, str]], weight: NDArray[np.float64]
) -> None:
    """Words on a grid of columns, of which a wide (Chinese) letter takes two; the last lines only."""
    family = ["DejaVu Sans Mono", *_families()]
    darkest = max((float(w) for (_, text), w in zip(shown, weight, strict=True) if text), default=0.0) or 1.0
    lines = _lines(sample, shown, weight)[-_LINES:]
    axis.set_xlim(0, _COLUMNS + 2)
    axis.set_ylim(max(len(lines), 6), 0)
    for at, line in enumerate(lines):
        for column, text, value in line:
            if value is not None and text.strip():
                box = (column, at + 0.08), _width(text), 0.84
                axis.add_patch(_rectangle(*box, alpha=0.8 * value / darkest))
            axis.text(
                column,
                at + 0.5,
                text.replace("$", r"\$"),
                fontsize=8.5,
                va="center",
                family=family,
                color="#777777" if value is None else "black",
            )
    axis.set_title(sample.id, fontsize=8, loc="left")
    axis.axis("off")


def _lines(
    sample: RankingSample, shown: Sequence[tuple[int, str]], weight: NDArray[np.float64]
) -> list[list[tuple[int, str, float | None]]]:
    """(column, text, weight) of every piece, line by line; a turn begins with who speaks, without weight."""
    lines: list[list[tuple[int, str, float | None]]] = []
    turns = sample.conversation.utterances
    last, column, before = -1, 0, ""
    for (turn, text), value in zip(shown, weight, strict=True):
        if not text:
            continue
        if turn != last:
            speaker = f"{turns[turn].speaker}: "[-14:]
            lines.append([(0, speaker, None)])
            last, column, before = turn, _width(speaker), ""
        gap = int(bool(before) and _spaced(turns[turn].text, before, text))
        if column + gap + _width(text) > _COLUMNS:
            lines.append([])
            column, gap = 2, 0
        lines[-1].append((column + gap, text, float(value)))
        column, before = column + gap + _width(text), text
    return lines


def _spaced(whole: str, before: str, text: str) -> bool:
    """Whether the two pieces stand apart in what was said."""
    return f"{before} {text}" in whole and f"{before}{text}" not in whole


def _width(text: str) -> int:
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)


def _rectangle(corner: tuple[float, float], width: float, height: float, alpha: float) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle(corner, width, height, facecolor=RED, alpha=alpha, edgecolor="none")


def _families() -> list[str]:
    from matplotlib import rcParams

    return list(rcParams["font.family"])


def _draw_sticker(axis: Any, picture: NDArray[np.uint8], words: str) -> None:
    axis.imshow(picture)
    axis.set_xticks([])
    axis.set_yticks([])
    axis.set_title(words or "(no words)", fontsize=8, color=RED if words else "#777777")
