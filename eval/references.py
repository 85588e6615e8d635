"""Systems that ignore the conversation: what any other has to be held against.

On skewed data they are far above chance in P@1, though not in the macro average.
"""

from collections.abc import Sequence

import numpy as np

from eval.labels import LabelField, label_of
from eval.protocols import LibrarySticker
from eval.systems import SystemSpec, fixed
from eval.training_split import TrainingCounts
from retriever.errors import InputError

__all__ = ["MOST_FREQUENT", "POPULARITY", "REFERENCES", "make_references", "most_frequent", "popularity"]

MOST_FREQUENT = "most frequent label"
POPULARITY = "popularity"
"""Their names in results."""

REFERENCES = ("most_frequent", "popularity")
"""What may be asked for."""


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
            raise InputError(f"reference is {name!r}; expected {' or '.join(REFERENCES)}")
        if counts is not None and name == "most_frequent" and field is not None and counts.labels:
            made.append(most_frequent(stickers, counts, field))
        elif counts is not None and name == "popularity" and counts.golds:
            made.append(popularity(stickers, counts))
        elif names is not None:
            what = "labels" if name == "most_frequent" else "stickers"
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
