"""What is ranked and what counts as right, for each query.

``candidates``: the row's own candidates, one of them the gold (R_10@k; with one gold, MAP is MRR).
``library``: every sticker of the library; those with the sample's label are relevant, and the gold always is
(P@k, Hit@k, mAP), as Int-RA does with intentions.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from eval.datasets import Sample
from eval.labels import LABEL_FIELDS, LabelField, Labelled, label_of
from eval.measures import Measure, parse_measure

__all__ = ["Candidates", "EvalProtocol", "Library", "LibrarySticker", "Skipped", "Task"]

Reason = Literal[
    "no gold",
    "no candidates",
    "gold not among candidates",
    "gold not in library",
    "candidate not in library",
    "no label",
    "no relevant sticker",
]
"""Why a query cannot be judged; stable words, for counting."""


class LibrarySticker(Labelled, Protocol):
    """As much of a sticker as judging needs; `retriever.types.Sticker` has it."""

    @property
    def id(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Task:
    """One query, ready to be judged.

    Attributes:
        rows: library rows that are ranked, or None for all.
        relevant: ``(number ranked,)``, in the same order.
        label: what macro averages are taken over.
    """

    rows: NDArray[np.int64] | None
    relevant: NDArray[np.bool_]
    label: str | None


@dataclass(frozen=True, slots=True)
class Skipped:
    """A query that this protocol cannot judge."""

    reason: Reason


class EvalProtocol(Protocol):
    """How queries are judged."""

    @property
    def name(self) -> str: ...

    @property
    def measures(self) -> tuple[Measure, ...]: ...

    def task(self, sample: Sample) -> Task | Skipped:
        """The sample's task, or why there is none."""
        ...


def _measures(*names: str) -> tuple[Measure, ...]:
    return tuple(parse_measure(name) for name in names)


def _any_label(sample: Sample) -> str | None:
    return next((label for field in LABEL_FIELDS if (label := label_of(sample, field))), None)


class Candidates:
    """The row's own candidates; the gold is the one right answer.

    Args:
        stickers: the library, in row order.
    """

    name = "candidates"
    measures = _measures("R@1", "R@2", "R@5", "AP")

    def __init__(self, stickers: Sequence[LibrarySticker]) -> None:
        self._row_of = {sticker.id: row for row, sticker in enumerate(stickers)}

    def task(self, sample: Sample) -> Task | Skipped:
        """Rows in the order of the candidates."""
        if sample.gold is None:
            return Skipped("no gold")
        if sample.candidates is None:
            return Skipped("no candidates")
        if sample.gold not in sample.candidates:
            return Skipped("gold not among candidates")
        rows = [self._row_of.get(candidate, -1) for candidate in sample.candidates]
        if min(rows) < 0:
            return Skipped("candidate not in library")
        relevant = np.array([candidate == sample.gold for candidate in sample.candidates])
        return Task(np.array(rows, dtype=np.int64), relevant, _any_label(sample))


class Library:
    """Every sticker of the library; relevant are the gold and all that carry the sample's label.

    Args:
        stickers: the library, in row order.
        field: which label: ``emotion``, ``emoji`` or ``intention``.
    """

    name = "library"
    measures = _measures("P@1", "P@3", "P@5", "Hit@1", "Hit@3", "Hit@5", "AP")

    def __init__(self, stickers: Sequence[LibrarySticker], field: LabelField) -> None:
        self.field: LabelField = field
        self._row_of = {sticker.id: row for row, sticker in enumerate(stickers)}
        self._labels = np.array([label_of(sticker, field) or "" for sticker in stickers], dtype=object)
        self._carriers: dict[str, NDArray[np.bool_]] = {}

    def task(self, sample: Sample) -> Task | Skipped:
        """All rows; a sample without a gold is judged by its label alone."""
        label = label_of(sample, self.field)
        if label is None:
            return Skipped("no label")
        relevant = self._carriers.get(label)
        if relevant is None:
            relevant = np.asarray(self._labels == label, dtype=bool)
            self._carriers[label] = relevant
        if sample.gold is not None:
            row = self._row_of.get(sample.gold)
            if row is None:
                return Skipped("gold not in library")
            if not relevant[row]:
                relevant = relevant.copy()
                relevant[row] = True
        if not relevant.any():
            return Skipped("no relevant sticker")
        return Task(None, relevant, label)
