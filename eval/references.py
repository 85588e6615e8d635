"""Systems that ignore the conversation: what any other has to be held against.

On skewed data they are far above chance in P@1, though not in the macro average.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from eval.labels import LabelField, label_of
from eval.protocols import LibrarySticker
from eval.systems import Asked, Rows, Scored, SystemSpec, Usage, fixed
from eval.training_split import TrainingCounts
from retriever.errors import InputError

__all__ = [
    "LABEL_ALONE", "MOST_FREQUENT", "POPULARITY", "REFERENCES", "counts_of_alone", "label_alone",
    "make_references", "most_frequent", "popularity",
]  # fmt: skip

MOST_FREQUENT = "most frequent label"
POPULARITY = "popularity"
LABEL_ALONE = "label alone in its list"
"""Their names in results."""

REFERENCES = {"most_frequent": MOST_FREQUENT, "popularity": POPULARITY, "label_alone": LABEL_ALONE}
"""What may be asked for, and its name in results."""


def make_references(
    names: Sequence[str] | None,
    stickers: Sequence[LibrarySticker],
    counts: TrainingCounts | None,
    field: LabelField | None,
) -> list[SystemSpec]:
    """References by name, each once.

    Args:
        names: of `REFERENCES`; None takes the most frequent label where it can be known.
        counts: of the train split, or None.
        field: the label, or None.

    Raises:
        InputError: an unknown name, no train split, or a train split without what is counted.
    """
    made = []
    for name in dict.fromkeys(("most_frequent",) if names is None else names):
        if name not in REFERENCES:
            raise InputError(f"reference is {name!r}; expected one of {', '.join(REFERENCES)}")
        if counts is not None and name in _OF_LABELS and field is not None and counts.labels:
            made.append(_OF_LABELS[name](stickers, counts, field))
        elif counts is not None and name == "popularity" and counts.golds:
            made.append(popularity(stickers, counts))
        elif names is not None:
            what = "labels" if name in _OF_LABELS else "stickers"
            where = "the train split has none" if counts is not None else "there is no train split"
            raise InputError(f"{name} counts the {what} of a train split, but {where}; leave it out")
    return made


def most_frequent(
    stickers: Sequence[LibrarySticker], counts: TrainingCounts, field: LabelField
) -> SystemSpec:
    """Each sticker's score is the frequency of its label in training.

    Its first places hold the most frequent label (so its P@1 is that label's share of the queries); stickers
    of the same label are tied.
    """
    scores = [counts.labels.get(label_of(sticker, field) or "", 0) for sticker in stickers]
    return fixed(MOST_FREQUENT, np.array(scores, dtype=np.float64), {"label": field})


def popularity(stickers: Sequence[LibrarySticker], counts: TrainingCounts) -> SystemSpec:
    """Each sticker's score is how often it was sent in training; those never sent are tied at the end."""
    scores = [counts.golds.get(sticker.id, 0) for sticker in stickers]
    return fixed(POPULARITY, np.array(scores, dtype=np.float64))


def label_alone(stickers: Sequence[LibrarySticker], counts: TrainingCounts, field: LabelField) -> SystemSpec:
    """The label most frequent in training among those that one sticker of the list alone has.

    What a list of candidates gives away where the others were drawn from other labels than the gold's. A
    system that sees whole lists (a listwise LLM) has to be above this before it has read a word.
    """
    labels = [label_of(sticker, field) for sticker in stickers]
    return SystemSpec(
        LABEL_ALONE,
        lambda: _LabelAlone(labels, counts.labels),
        scope="candidates",
        identity={"label": field},
        by_list=True,
    )


def counts_of_alone(labels: Sequence[str | None], often: Mapping[str, int]) -> NDArray[np.float64]:
    """(n,) how often each label of a list is sent; -1 where another of the list has it, or there is none."""
    times = Counter(labels)
    return np.array(
        [often.get(label, 0) if label is not None and times[label] == 1 else -1 for label in labels],
        dtype=np.float64,
    )


class _LabelAlone:
    """An `eval.systems.System`."""

    batch = 1
    usage = Usage()

    def __init__(self, labels: Sequence[str | None], often: Mapping[str, int]) -> None:
        self._labels, self._often = labels, often

    def prepare(self, rows: Rows) -> None:
        """Nothing to do."""

    def score(self, asked: Sequence[Asked]) -> list[Scored]:
        """`counts_of_alone` of every list."""
        found: list[Scored] = []
        for _, rows in asked:
            listed = range(len(self._labels)) if rows is None else rows.tolist()
            found.append({LABEL_ALONE: counts_of_alone([self._labels[row] for row in listed], self._often)})
        return found

    def close(self) -> None:
        """Nothing to do."""


_OF_LABELS = {"most_frequent": most_frequent, "label_alone": label_alone}
