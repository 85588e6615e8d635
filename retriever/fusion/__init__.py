"""One order out of several scorers' scores: pure functions, scores in, scores out.

Normalising and combining are chosen separately. Nothing here knows a sticker or a scorer, inputs stay as they
were, and the fused scores of one answer compare with each other only. Higher is better throughout.

A scorer that gave everybody the same score has no opinion: it is left out, so it cannot move anything, not
even by rounding.
"""

from retriever.fusion.combine import METHODS, fuse, parts, register, rrf, weighted
from retriever.fusion.normalise import NORMALISATIONS, mean_ranks, minmax, none, rank, softmax, zscore

__all__ = [
    "METHODS",
    "NORMALISATIONS",
    "fuse",
    "mean_ranks",
    "minmax",
    "none",
    "parts",
    "rank",
    "register",
    "rrf",
    "softmax",
    "weighted",
    "zscore",
]
