"""What is ranked and what counts as right, for each query.

``candidates``: the row's own candidates, one of them the gold (R_10@k, MAP, MRR10; with one gold MAP is MRR).
``exact``: every sticker of the library; the gold alone is right (R_all@k, MRR_all).
``library``: every sticker; those with the sample's label are right, and the gold always is (P@k, Hit@k, mAP).
``intent``: every sticker; right are those with the sample's intention and no others, as in Int-RA.
``exact-words``, ``exact-no-words``: ``exact`` over queries whose gold has words on it, or has none (MMBERT).

What they are called on the command line: `eval.protocol_names`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from eval.datasets import Sample
from eval.labels import LABEL_FIELDS, LabelField, Labelled, label_of
from eval.measures import Measure, parse_measure

__all__ = [
    "Candidates", "EvalProtocol", "Exact", "ExactByWords", "Intent", "Library", "LibrarySticker", "Skipped",
    "Task", "words_on",
]  # fmt: skip

Reason = Literal[
    "no gold",
    "no candidates",
    "gold not among candidates",
    "gold not in library",
    "candidate not in library",
    "no label",
    "no relevant sticker",
    "gold has no words",
    "gold has words",
    "no words known of the library",
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
        gold: where the sticker that was sent stands among those ranked; None where it does not.
    """

    rows: NDArray[np.int64] | None
    relevant: NDArray[np.bool_]
    label: str | None
    gold: int | None = None


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

    @property
    def field(self) -> LabelField | None:
        """The label that decides relevance; None where the gold alone does."""
        ...

    @property
    def relevance(self) -> str:
        """What is right, in words."""
        ...

    def task(self, sample: Sample) -> Task | Skipped:
        """The sample's task, or why there is none."""
        ...


def words_on(sticker: LibrarySticker) -> str:
    """The words drawn on a sticker; "" where there are none, or none are known."""
    return getattr(getattr(sticker, "attributes", None), "verbal", "") or ""


def _measures(*names: str) -> tuple[Measure, ...]:
    return tuple(parse_measure(name) for name in names)


def _any_label(sample: Sample) -> str | None:
    return next((label for field in LABEL_FIELDS if (label := label_of(sample, field))), None)


def _rows_by_id(stickers: Sequence[LibrarySticker]) -> dict[str, int]:
    return {sticker.id: row for row, sticker in enumerate(stickers)}


class Candidates:
    """The row's own candidates; the gold is the one right answer.

    Args:
        stickers: the library, in row order.
    """

    name = "candidates"
    measures = _measures("R@1", "R@2", "R@5", "AP", "RR", "nDCG@10")
    field: LabelField | None = None
    relevance = "the gold alone"

    def __init__(self, stickers: Sequence[LibrarySticker]) -> None:
        self._row_of = _rows_by_id(stickers)

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
        gold = sample.candidates.index(sample.gold)
        return Task(np.array(rows, dtype=np.int64), _one_of(len(rows), gold), _any_label(sample), gold)


class Exact:
    """Every sticker of the library; the gold is the one right answer.

    Args:
        stickers: the library, in row order.
    """

    name = "exact"
    measures = _measures("R@1", "R@5", "R@10", "RR", "nDCG@10")
    field: LabelField | None = None
    relevance = "the gold alone"

    def __init__(self, stickers: Sequence[LibrarySticker]) -> None:
        self._row_of = _rows_by_id(stickers)

    def task(self, sample: Sample) -> Task | Skipped:
        """All rows."""
        if sample.gold is None:
            return Skipped("no gold")
        gold = self._row_of.get(sample.gold)
        if gold is None:
            return Skipped("gold not in library")
        return Task(None, _one_of(len(self._row_of), gold), _any_label(sample), gold)


class ExactByWords(Exact):
    """`Exact` over the queries whose gold has words on it, or over the others: MMBERT's table 4.

    Args:
        stickers: the library, in row order; as read by OCR or annotated (`verbal`).
        words: which of the two.
    """

    measures = _measures("R@1", "R@2", "R@5", "RR")

    def __init__(self, stickers: Sequence[LibrarySticker], words: bool) -> None:
        super().__init__(stickers)
        self.name = "exact-words" if words else "exact-no-words"
        self.relevance = f"the gold alone, which has {'words' if words else 'no words'} on it"
        self._words = words
        self._with = {sticker.id for sticker in stickers if words_on(sticker).strip()}

    def task(self, sample: Sample) -> Task | Skipped:
        """All rows."""
        found = super().task(sample)
        if isinstance(found, Skipped):
            return found
        if not self._with:
            return Skipped("no words known of the library")
        if (sample.gold in self._with) != self._words:
            return Skipped("gold has no words" if self._words else "gold has words")
        return found


class Library:
    """Every sticker of the library; relevant are the gold and all that carry the sample's label.

    Args:
        stickers: the library, in row order.
        field: which label: ``emotion``, ``emoji`` or ``intention``.
    """

    name = "library"
    measures = _measures("P@1", "P@3", "P@5", "Hit@1", "Hit@3", "Hit@5", "AP", "nDCG@10")

    def __init__(self, stickers: Sequence[LibrarySticker], field: LabelField) -> None:
        self.field: LabelField | None = field
        self.relevance = f"the same {field}, and the gold"
        self._field: LabelField = field
        self._row_of = _rows_by_id(stickers)
        self._labels = np.array([label_of(sticker, field) or "" for sticker in stickers], dtype=object)
        self._carriers: dict[str, NDArray[np.bool_]] = {}

    def task(self, sample: Sample) -> Task | Skipped:
        """All rows; a sample without a gold is judged by its label alone."""
        label = label_of(sample, self._field)
        if label is None:
            return Skipped("no label")
        relevant = self._carry(label)
        row = None
        if sample.gold is not None:
            row = self._row_of.get(sample.gold)
            if row is None:
                return Skipped("gold not in library")
            relevant = self._with_gold(relevant, row)
        if not relevant.any():
            return Skipped("no relevant sticker")
        return Task(None, relevant, label, row)

    def _carry(self, label: str) -> NDArray[np.bool_]:
        """Which stickers carry a label, ``(n_library,)``; shared, so never written to."""
        relevant = self._carriers.get(label)
        if relevant is None:
            relevant = np.asarray(self._labels == label, dtype=bool)
            self._carriers[label] = relevant
        return relevant

    def _with_gold(self, relevant: NDArray[np.bool_], row: int) -> NDArray[np.bool_]:
        if relevant[row]:
            return relevant
        relevant = relevant.copy()
        relevant[row] = True
        return relevant


class Intent(Library):
    """Every sticker of the library; relevant are those that carry the sample's label and no others.

    Int-RA's judgement (section V-A), where the label is the intention. A gold that the library does not have
    does not matter.
    """

    name = "intent"

    def __init__(self, stickers: Sequence[LibrarySticker], field: LabelField) -> None:
        super().__init__(stickers, field)
        self.relevance = f"the same {field}"

    def task(self, sample: Sample) -> Task | Skipped:
        """All rows."""
        label = label_of(sample, self._field)
        if label is None:
            return Skipped("no label")
        relevant = self._carry(label)
        if not relevant.any():
            return Skipped("no relevant sticker")
        row = None if sample.gold is None else self._row_of.get(sample.gold)
        return Task(None, relevant, label, row)


def _one_of(n: int, at: int) -> NDArray[np.bool_]:
    relevant = np.zeros(n, dtype=bool)
    relevant[at] = True
    return relevant
