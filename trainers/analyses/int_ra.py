"""Int-RA's analyses as pictures: relation maps (figure 6), the case-study sheet (figure 7), the PR curve."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.labels import label_of
from retriever.errors import InputError
from retriever.labels import RELATIONS
from retriever.rankers.int_ra.config import ATTRIBUTES
from retriever.rankers.int_ra.ranker import IntRARanker
from retriever.rankers.int_ra.tokens import sticker_texts
from retriever.types import Sticker
from trainers.analyses.everything import with_knowledge
from trainers.analyses.picture import GREY, new_figure, save_figure
from trainers.analyses.subjects import open_subject
from trainers.analyses.talk import chosen_samples, draw_talk
from trainers.datasets.ranking import RankingData, RankingSample
from trainers.int_ra.scoring import encode_rows

__all__ = ["IntRASubject", "case_sheet", "open_int_ra", "pr_curves", "precision_recall", "relation_maps"]

TOP = 3
LEVELS = 11
_ACROSS = 4
_GREEN = "#2c9c4b"


@dataclass(frozen=True)
class IntRASubject:
    """An Int-RA ranker, validation data with what models wrote about them, and its stickers in words.

    Attributes:
        words: of the rows of the data's stickers.
        texts: the same as the ranker reads them.
    """

    name: str
    ranker: IntRARanker
    data: RankingData
    words: tuple[Sticker, ...]
    texts: list[tuple[str, ...]]

    @cached_property
    def vectors(self) -> NDArray[np.float32]:
        """(n, d): of every sticker."""
        rows = np.arange(len(self.data.stickers))
        return encode_rows(self.ranker, self.data.stickers, self.texts, rows)

    def label(self, thing: Sticker | RankingSample) -> str | None:
        """The label of the kind that the ranker knows."""
        return label_of(thing, self.ranker.config.labels)

    def wanted(self, sample: RankingSample) -> str | None:
        """What the sticker must express: the sample's label, else that of the sent sticker."""
        sent = self.words[self.data.stickers.row(sample.sticker)]
        return self.label(sample) or self.label(sent)


def open_int_ra(
    path: Path,
    data: str | None = None,
    packs: Sequence[str] = (),
    limit: int | None = None,
    device: str = "auto",
) -> IntRASubject:
    """A checkpoint with the data, and the journals, it was trained with (or those beside the data named).

    Raises:
        InputError: another family's checkpoint, or no data named anywhere.
    """
    subject = open_subject(path, IntRARanker, data, packs, limit, device)
    found, words = with_knowledge(subject, subject.data, data is None)
    texts = [sticker_texts(sticker, subject.ranker.config) for sticker in words]
    return IntRASubject(subject.name, subject.ranker, found, words, texts)


def relation_maps(
    subject: IntRASubject, out: Path, ids: Sequence[str] = (), count: int = 8
) -> list[dict[str, Any]]:
    """Draw stickers beside their relation scores (equation 12): the darker, the more a region counts.

    Args:
        ids: of samples, whose sent stickers are drawn; empty takes the first `count` stickers that have any
            attribute text.

    Raises:
        InputError: no sample of such an id, a ranker without attributes, or no sticker has any.
    """
    if not subject.ranker.config.attributes:
        raise InputError("this ranker was trained without attributes: every region counts the same")
    rows = _told_rows(subject, ids, count)
    pixels = subject.data.stickers.pixels(rows)
    maps = subject.ranker.encode(pixels, [subject.texts[row] for row in rows]).relations.cpu().numpy()
    across = min(_ACROSS, len(rows))
    figure = new_figure(3.2 * across, 2.3 * math.ceil(len(rows) / across))
    axes = figure.subplots(math.ceil(len(rows) / across), 2 * across, squeeze=False)
    for axis in axes.flat:
        axis.axis("off")
    told = []
    for at, row in enumerate(rows.tolist()):
        place, column = divmod(at, across)
        texts = dict(zip(subject.ranker.config.attributes, subject.texts[row], strict=True))
        plain, shaded = axes[place, 2 * column], axes[place, 2 * column + 1]
        plain.imshow(pixels[at])
        plain.set_title(_short(subject.data.stickers.ids[row]), fontsize=7)
        shaded.imshow(pixels[at])
        _shade(shaded, pixels.shape[1], maps[at])
        shaded.set_title(_short("; ".join(dict.fromkeys(filter(None, texts.values())))), fontsize=7)
        told.append(
            {
                "sticker": subject.data.stickers.ids[row],
                "attributes": {name: texts[name] for name in ATTRIBUTES if texts.get(name)},
                "relations": [round(float(value), 5) for value in maps[at]],
            }
        )
    save_figure(figure, out)
    return told


def case_sheet(
    subject: IntRASubject, out: Path, ids: Sequence[str] = (), count: int = 3
) -> list[dict[str, Any]]:
    """Draw conversations with the three stickers ranked first among all, and the one that was sent.

    Below a conversation stand its own label and the predicted one; a frame is green where a sticker carries
    the label that is wanted (or is the one that was sent, where nothing has a label).

    Args:
        ids: of samples; empty takes the first `count`.

    Raises:
        InputError: no sample of such an id.
    """
    samples = chosen_samples(subject.data, ids, count)
    stickers = subject.data.stickers
    scores = subject.ranker.cosines([sample.conversation for sample in samples], subject.vectors)
    figure = new_figure(4.4 + 1.6 * (TOP + 1), 2.2 * len(samples))
    grid = figure.add_gridspec(len(samples), TOP + 2, width_ratios=[4.4, *[1.6] * (TOP + 1)])
    told = []
    for row, sample in enumerate(samples):
        sent, wanted = stickers.row(sample.sticker), subject.wanted(sample)
        top = np.argsort(-scores[row], kind="stable")[:TOP].tolist()
        right = [subject.label(subject.words[at]) == wanted if wanted else at == sent for at in top]
        expected = subject.ranker.expected(sample.conversation).get(subject.ranker.config.labels, {})
        guess = max(expected, key=lambda label: expected[label]) if expected else None
        said = sample.conversation.inferences
        below = f"wanted: {wanted or 'unknown'}" + (f"; expected: {guess}" if guess else "")
        draw_talk(figure.add_subplot(grid[row, 0]), sample, None, below)
        for place, at in enumerate([*top, sent], start=1):
            axis = figure.add_subplot(grid[row, place])
            axis.imshow(stickers.pixels(np.array([at]))[0])
            axis.set_xticks([])
            axis.set_yticks([])
            first = place <= TOP
            title = f"{place}: {scores[row, at]:.2f}" if first else f"sent: {scores[row, at]:.2f}"
            axis.set_title(title, fontsize=8)
            axis.set_xlabel(subject.label(subject.words[at]) or "", fontsize=7)
            for line in axis.spines.values():
                line.set_edgecolor(_GREEN if first and right[place - 1] else GREY)
                line.set_linewidth(2.5 if first and right[place - 1] else 0.8)
        told.append(
            {
                "id": sample.id,
                "wanted": wanted,
                "expected": guess,
                "inferences": {name: list(getattr(said, name)) for name in RELATIONS} if said else {},
                "top": [stickers.ids[at] for at in top],
                "right": right,
                "sent": sample.sticker,
                "rank": int((scores[row] > scores[row, sent]).sum()) + 1,
            }
        )
    save_figure(figure, out)
    return told


def pr_curves(subjects: Sequence[IntRASubject], out: Path) -> list[dict[str, Any]]:
    """Draw precision over recall, all stickers ranked for every validation sample, a curve a ranker.

    A sticker is right where it carries the wanted label (section V-A); samples of which nobody knows it, or
    that no sticker carries, are left out and counted.

    Raises:
        InputError: no sample has a label.
    """
    figure = new_figure(5, 4.2)
    axis = figure.subplots()
    levels = np.linspace(0, 1, LEVELS)
    told = []
    for subject in subjects:
        labels = np.array([subject.label(sticker) or "" for sticker in subject.words])
        wanted = [subject.wanted(sample) for sample in subject.data.samples]
        known = [at for at, label in enumerate(wanted) if label and bool((labels == label).any())]
        if not known:
            kind = subject.ranker.config.labels
            raise InputError(f"no sample of {subject.name} has a label of kind {kind!r} that a sticker has")
        total = np.zeros(LEVELS)
        for at in known:
            scores = subject.ranker.cosines([subject.data.samples[at].conversation], subject.vectors)[0]
            total += precision_recall(scores, labels == wanted[at])
        curve = total / len(known)
        axis.plot(levels, 100 * curve, marker="o", label=f"{subject.name} ({len(known)})")
        precision = [round(float(100 * value), 2) for value in curve]
        told.append({"name": subject.name, "unlabelled": len(wanted) - len(known), "precision": precision})
    axis.set_xlabel("recall")
    axis.set_ylabel("precision, percent")
    axis.set_xlim(0, 1)
    axis.set_ylim(bottom=0)
    axis.legend(fontsize=8)
    save_figure(figure, out)
    return told


def precision_recall(scores: NDArray[np.float64], right: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(11,): interpolated precision (the best at this recall or a higher one) at recall 0, 0.1, ... 1.

    Ties are ranked with the wrong ones first, so that a ranker that scores everything alike gains nothing.

    Args:
        scores: (n,).
        right: (n,); at least one.
    """
    order = np.lexsort((right, -scores))
    hits = right[order].cumsum()
    precision = hits / np.arange(1, len(scores) + 1)
    best = np.maximum.accumulate(precision[::-1])[::-1]
    needed = np.ceil(np.linspace(0, 1, LEVELS) * hits[-1] - 1e-9).clip(min=1)
    found: NDArray[np.float64] = best[np.searchsorted(hits, needed)]
    return found


def _told_rows(subject: IntRASubject, ids: Sequence[str], count: int) -> NDArray[np.int64]:
    stickers = subject.data.stickers
    if ids:
        sent = [sample.sticker for sample in chosen_samples(subject.data, ids, count)]
        return stickers.rows(list(dict.fromkeys(sent)))
    rows = [row for row, texts in enumerate(subject.texts) if any(texts)][:count]
    if not rows:
        raise InputError(
            "no sticker has any attribute text, so every region counts the same; describe them with "
            "`sticker describe`"
        )
    return np.array(rows, np.int64)


def _shade(axis: Any, side: int, relations: NDArray[np.float32]) -> None:
    edge = math.isqrt(len(relations))
    if edge * edge != len(relations):  # the encoder's regions are no square
        return
    extent = (-0.5, side - 0.5, side - 0.5, -0.5)
    heat = relations.reshape(edge, edge)
    axis.imshow(heat, cmap="Reds", alpha=0.6, extent=extent, interpolation="bilinear")


def _short(text: str, limit: int = 28) -> str:
    return (text if len(text) <= limit else text[: limit - 1] + "…").replace("$", r"\$")
