"""Conversations beside the pictures of an analysis: which ones, and how they are written."""

from collections.abc import Sequence
from typing import Any
from unicodedata import east_asian_width

import numpy as np
from numpy.typing import NDArray

from retriever.errors import InputError
from trainers.datasets.ranking import RankingData, RankingSample

__all__ = ["RED", "chosen_samples", "draw_talk"]

RED = "#c8372d"

_LETTERS = 60
_LINES = 12


def chosen_samples(data: RankingData, ids: Sequence[str], count: int) -> list[RankingSample]:
    """The samples of these ids, or the first `count`, with candidates.

    Raises:
        InputError: no sample of such an id.
    """
    if not ids:
        return [data.draw(at) for at in range(min(count, len(data.samples)))]
    place = {sample.id: at for at, sample in enumerate(data.samples)}
    missing = [id_ for id_ in ids if id_ not in place]
    if missing:
        raise InputError(f"there is no sample {missing[0]!r}; there are {', '.join(list(place)[:3])}, ...")
    return [data.draw(place[id_]) for id_ in ids]


def draw_talk(
    axis: Any, sample: RankingSample, weights: NDArray[np.float64] | None = None, below: str = ""
) -> None:
    """The last lines of a conversation.

    Args:
        weights: (u,) of its utterances: the line is the darker, the more weight it has.
        below: a line to end with.
    """
    shades = np.zeros(len(sample.conversation.utterances)) if weights is None else weights
    lines = list(zip(sample.conversation.utterances, shades, strict=True))[-_LINES:]
    darkest = max(float(shades.max()), 1e-9)
    step = 1 / max(len(lines) + bool(below), 6)
    for number, (turn, weight) in enumerate(lines):
        text = _cut(f"{turn.speaker}: {turn.text}")
        shade = {"facecolor": RED, "alpha": 0.75 * float(weight) / darkest, "edgecolor": "none", "pad": 2}
        axis.text(
            0.0, 1 - (number + 0.5) * step, text.replace("$", r"\$"), fontsize=8, va="center", bbox=shade
        )
    if below:
        place = 1 - (len(lines) + 0.5) * step
        axis.text(0.0, place, _cut(below).replace("$", r"\$"), fontsize=8, va="center", style="italic")
    axis.set_title(sample.id, fontsize=8, loc="left")
    axis.axis("off")


def _cut(text: str) -> str:
    """At most `_LETTERS` columns, of which a wide (Chinese) letter takes two."""
    columns = 0
    for at, letter in enumerate(text):
        columns += 2 if east_asian_width(letter) in "WF" else 1
        if columns > _LETTERS:
            return text[:at] + "…"
    return text
