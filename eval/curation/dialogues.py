"""Which rows of a split were cut out of one dialogue: by what the data say, and by what was said."""

from array import array
from dataclasses import dataclass

import numpy as np

from eval.curation.groups import Groups
from eval.curation.stickers import Known
from eval.curation.talk import link_keys, text_key
from eval.datasets.candidates import sent_of
from eval.datasets.choices import SentSticker
from eval.datasets.dataset import Dataset
from eval.datasets.samples import Sample
from eval.labels import LABEL_FIELDS, LabelField, label_of
from retriever.progress import bar

__all__ = ["COMMON", "Rows", "read_rows_of"]

COMMON = 100
"""What is said in more rows than this is a stock phrase, not one dialogue."""


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a split, as dividing it needs to know them.

    Attributes:
        sent: the sticker of each; None where there is none, or none that can be read.
        dialogue: of each, a number that the rows of one dialogue have in common.
        label: the field that rows are judged by.
    """

    sent: list[SentSticker | None]
    dialogue: list[int]
    label: LabelField | None

    @staticmethod
    def listed(sample: Sample, hidden: frozenset[str], known: Known) -> tuple[str, ...] | None:
        """The sample's own candidates without those that are hidden or cannot be read."""
        if sample.candidates is None:
            return None
        return tuple(id_ for id_ in sample.candidates if id_ in known.packs and id_ not in hidden) or None


def read_rows_of(dataset: Dataset, known: Known, show_progress: bool | None = None) -> Rows:
    """Read a split once.

    Rows are of one dialogue where the data say so, and also where they say the same, begin with the same
    utterance or share two utterances in a row, unless those are stock phrases (`eval.curation.talk`).
    """
    sent: list[SentSticker | None] = []
    keys, owners = array("Q"), array("q")
    texts: dict[int, int] = {}
    named: dict[str, int] = {}
    joins: list[tuple[int, int]] = []
    have: set[str] = set()
    with bar("Reading", None, show_progress, unit="rows") as advance:
        for at, sample in enumerate(dataset.samples()):
            found = sent_of(sample, known.packs)
            sent.append(found if found is not None and found.sticker in known.packs else None)
            have.update(name for name in LABEL_FIELDS if label_of(sample, name))
            joins.append((texts.setdefault(text_key(sample.conversation), at), at))
            if sample.dialogue is not None:
                joins.append((named.setdefault(sample.dialogue, at), at))
            for key in link_keys(sample.conversation):
                keys.append(key)
                owners.append(at)
            advance(1)
    groups = Groups(len(sent))
    for first, second in joins:
        groups.join(first, second)
    _join_pairs(groups, keys, owners)
    label = next((name for name in LABEL_FIELDS if name in have), None)
    return Rows(sent, [groups.of(at) for at in range(len(sent))], label)


def _join_pairs(groups: Groups, keys: "array[int]", owners: "array[int]") -> None:
    if not keys:
        return
    table = np.frombuffer(keys, np.uint64)
    order = np.argsort(table, kind="stable")
    sorted_keys, rows = table[order], np.frombuffer(owners, np.int64)[order]
    starts = np.flatnonzero(np.r_[True, sorted_keys[1:] != sorted_keys[:-1]])
    for start, end in zip(starts.tolist(), [*starts[1:].tolist(), len(rows)], strict=True):
        if 1 < end - start <= COMMON:
            for row in rows[start + 1 : end].tolist():
                groups.join(int(rows[start]), row)
