"""The reference that ignores the conversation: stickers of the labels that are most frequent in training.

On skewed data it is far above chance in P@1, though not in the macro average: a system has to be held against
it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eval.labels import LabelField, label_of, normal_label
from eval.protocols import LibrarySticker
from retriever.conversations import read_rows

__all__ = ["MOST_FREQUENT", "count_labels", "most_frequent_scores"]

MOST_FREQUENT = "most frequent label"
"""Its name in results."""


def count_labels(path: Path, field: LabelField) -> Counter[str]:
    """How often each label occurs in a dataset file; rows that are not JSON or have no label do not."""
    names = ("intention", "intent") if field == "intention" else (field,)
    counts: Counter[str] = Counter()
    with path.open("rb") as lines:
        for row in read_rows(lines, str(path), on_error=lambda _: None):
            value = next((row.fields[name] for name in names if row.fields.get(name)), None)
            label = normal_label(value) if isinstance(value, str) else None
            if label:
                counts[label] += 1
    return counts


def most_frequent_scores(
    stickers: Sequence[LibrarySticker], counts: Mapping[str, int], field: LabelField
) -> NDArray[np.float64]:
    """Each sticker's score is the frequency of its label in training; shape ``(len(stickers),)``.

    Its first places hold the most frequent label (so its P@1 is that label's share of the queries);
    stickers of the same label are tied.
    """
    return np.array([counts.get(label_of(sticker, field) or "", 0) for sticker in stickers], dtype=np.float64)
