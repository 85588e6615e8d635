"""Polarity-based hard sample mining: which negatives the matching loss sees (PBR section 3.4, algorithm 1).

A negative is the harder, the more alike it is in meaning (SIM) and in sentiment polarity (SEN); one is drawn
with probability softmax(SIM + softmax(SEN)).
"""

from typing import Literal

import torch
from torch import Tensor

from retriever.labels import EMOTIONS
from trainers.losses.precision import full_precision

__all__ = ["draw", "negative_probabilities", "sentiment_likeness", "sticker_polarity"]

POSITIVE = tuple(EMOTIONS.index(name) for name in ("surprise", "happiness"))
NEGATIVE = tuple(EMOTIONS.index(name) for name in ("disgust", "fear", "sadness", "anger"))
"""Which emotions speak for which polarity, as in the released code; the paper lists none."""


@full_precision
def sticker_polarity(scores: Tensor, pooling: Literal["max", "sum"] = "max") -> Tensor:
    """(D, 2): how positive and how negative each sticker is; a row sums to 1.

    Lines 4 to 11 of algorithm 1: the mean over the M scores of each emotion, pooled over the positive and
    over the negative emotions, then a softmax of the two. (Line 10 as printed overwrites a number that line
    11 still needs; both are computed at once here, as in the released code.)

    Args:
        scores: (D, 7M), emotion by emotion in the order of `retriever.labels.EMOTIONS`; M may be 1.
        pooling: ``max`` is the released code's, ``sum`` is printed.
    """
    emotions = scores.reshape(len(scores), len(EMOTIONS), -1).mean(-1)
    groups = [emotions[:, list(group)] for group in (POSITIVE, NEGATIVE)]
    pooled = [group.amax(-1) if pooling == "max" else group.sum(-1) for group in groups]
    return torch.stack(pooled, -1).softmax(-1)


@full_precision
def sentiment_likeness(first: Tensor, second: Tensor, variant: Literal["l1", "printed"] = "l1") -> Tensor:
    """SEN, (a, b) in [0, 2]: how alike two polarities are. Lines 14 and 16 of algorithm 1.

    Args:
        first, second: (a, 2) and (b, 2), positive and negative.
        variant: ``l1`` is 2 - (|dP| + |dN|), the released code's. ``printed`` is 2 - |dP + dN|, which is 2
            for every pair wherever P + N = 1: then all negatives are equally hard.
    """
    apart = first[:, None] - second[None]
    if variant == "printed":
        return 2 - apart.sum(-1).abs()
    return 2 - apart.abs().sum(-1)


@full_precision
def negative_probabilities(
    likeness: Tensor,
    sentiment: Tensor | None,
    excluded: Tensor,
    absent: Tensor | None = None,
    weight: float = 1,
) -> Tensor:
    """(a, b): with which probability b is drawn as the negative of a; rows sum to 1.

    Line 17 of algorithm 1, softmax(SIM + softmax(SEN)), and 0 for what is excluded. (The released code sets
    the gold to 0 after the softmax; rows are normalised when drawn from, which comes to the same.)

    Args:
        likeness: (a, b) SIM.
        sentiment: (a, b) SEN, or None to mine by likeness alone.
        excluded: (a, b) boolean: true pairs. A row with nothing left is all 0.
        absent: (b,) boolean: empty places, which do not even take part in softmax(SEN).
        weight: multiplies softmax(SEN).
    """
    if absent is not None:
        excluded = excluded | absent
        if sentiment is not None:
            sentiment = sentiment.masked_fill(absent, -torch.inf)
    if sentiment is not None:
        likeness = likeness + weight * sentiment.softmax(-1)
    possible = ~excluded.all(-1, keepdim=True)
    return (likeness.masked_fill(excluded & possible, -torch.inf)).softmax(-1) * possible


def draw(probabilities: Tensor) -> tuple[Tensor, Tensor]:
    """(a,) int64, one column drawn a row, and (a,) boolean, False where the row is all 0 (column 0 then)."""
    possible = probabilities.sum(-1) > 0
    fallback = torch.zeros_like(probabilities)
    fallback[:, 0] = 1
    chosen = torch.multinomial(torch.where(possible[:, None], probabilities, fallback), 1)[:, 0]
    return chosen, possible
