"""Ranking measures in plain numpy: they know no dataset and no model."""

from eval.metrics.averages import macro_mean, mean, mean_by_label, same_label
from eval.metrics.measures import (
    average_precision,
    hit_at_k,
    ndcg_at_k,
    precision_at_k,
    recall_at_k,
    reciprocal_rank,
)
from eval.metrics.ranked import Ties

__all__ = [
    "Ties",
    "average_precision",
    "hit_at_k",
    "macro_mean",
    "mean",
    "mean_by_label",
    "ndcg_at_k",
    "precision_at_k",
    "recall_at_k",
    "reciprocal_rank",
    "same_label",
]
