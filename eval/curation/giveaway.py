"""What lists of candidates say about their gold before anybody has read the conversation.

Negatives that are drawn among stickers of other labels than the gold's leave a trace: the gold's label stands
once in its list, and labels that stand twice can be ruled out. A system that scores each sticker by itself
cannot see that; one that sees the whole list (a listwise LLM, attention between candidates) can, and is then
measured on the list and not on the conversation. What such a reader would reach is told here.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from eval.datasets.samples import Sample
from eval.metrics import recall_at_k
from eval.references import counts_of_alone

__all__ = ["GiveAway", "give_away"]


@dataclass(frozen=True, slots=True)
class GiveAway:
    """How far the lists of a split get a system that reads nothing else; shares in [0, 1].

    Attributes:
        field: the label that was looked at.
        rows: lists with a gold, all of whose stickers have the label.
        alone: share of them in which no other candidate has the gold's label.
        common: R@1 of always naming the label that is sent most.
        ruled_out: R@1 of the same among the labels that stand once.
    """

    field: str
    rows: int
    alone: float
    common: float
    ruled_out: float

    @property
    def suspicious(self) -> bool:
        """Whether ruling labels out is worth more than two points of R@1."""
        return self.ruled_out - self.common > 0.02

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "field": self.field,
            "rows": self.rows,
            "gold_label_alone": round(self.alone, 4),
            "commonest_label": round(self.common, 4),
            "commonest_label_of_those_alone": round(self.ruled_out, 4),
        }


def give_away(
    samples: Iterable[Sample], field: str, labels: Mapping[str, str], sent: Mapping[str, int]
) -> GiveAway | None:
    """Look at every list; None where there is none to look at.

    Args:
        field: name of the label.
        labels: of every sticker that has one.
        sent: how often each sticker was sent, where the reader may know it from (a training split).
    """
    often = Counter[str]()
    for sticker, count in sent.items():
        if sticker in labels:
            often[labels[sticker]] += count
    alone, common, ruled_out = [], [], []
    for sample in samples:
        if sample.candidates is None or sample.gold not in sample.candidates:
            continue
        said = [labels.get(candidate) for candidate in sample.candidates]
        if None in said:
            continue
        gold = np.array([candidate == sample.gold for candidate in sample.candidates])
        counts = np.array([float(often[str(label)]) for label in said])
        alone.append(said.count(labels[sample.gold]) == 1)
        common.append(float(recall_at_k(counts, gold, 1)[0]))
        ruled_out.append(float(recall_at_k(counts_of_alone(said, often), gold, 1)[0]))
    if not alone:
        return None
    return GiveAway(field, len(alone), *(float(np.mean(values)) for values in (alone, common, ruled_out)))
