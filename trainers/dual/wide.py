"""The linear models over n-grams: convex, so they are fitted to the end and not trained along.

Multinomial logistic regression on hashed n-grams, of which rare ones are heavier (inverse document frequency,
Sparck Jones 1972): what few rows have pays less for what it says. Trained by gradient steps beside the tower
they learnt their rows by heart in the epochs that it needs.
"""

from collections.abc import Sequence
from typing import NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from retriever.extras import require
from retriever.rankers.dual.features import balance, kind_ranges

__all__ = ["Grams", "Wide", "fit_wide"]

STRENGTH = 4.0
"""Of the loss against the squared weights (scikit-learn's ``C``)."""
_STEPS, _TOLERANCE = 60, 1e-3
_NEVER = -10.0
"""The bias of a label that no row has."""


class Grams(NamedTuple):
    """The n-grams of k conversations, one after another.

    Attributes:
        numbers: (m,) of their buckets.
        offsets: (k,) where each conversation's begin.
        weights: (m,) what each counts.
    """

    numbers: Tensor
    offsets: Tensor
    weights: Tensor

    @classmethod
    def of(cls, rows: Sequence[NDArray[np.int64]], buckets: int) -> Self:
        """Of each conversation's distinct bucket numbers."""
        offsets = np.cumsum([0, *(len(row) for row in rows[:-1])])
        weights = np.concatenate([balance(row, buckets) for row in rows])
        return cls(*map(torch.from_numpy, (np.concatenate(rows), offsets, weights)))

    def to(self, device: torch.device) -> Self:
        return type(self)(*(tensor.to(device) for tensor in self))


class Wide(nn.Module):
    """Logits from hashed n-grams; nothing in it is trained by gradient steps.

    Args:
        buckets: of the n-grams.
        labels: how many.
    """

    def __init__(self, buckets: int, labels: int) -> None:
        super().__init__()
        self.table = nn.EmbeddingBag(buckets, labels, mode="sum")
        self.bias = nn.Parameter(torch.zeros(labels))
        nn.init.zeros_(self.table.weight)
        for parameter in self.parameters():
            parameter.requires_grad_(False)

    def forward(self, grams: Grams) -> Tensor:
        """(k, labels)."""
        weights = grams.weights.to(self.table.weight)
        summed: Tensor = self.table(grams.numbers, grams.offsets, per_sample_weights=weights)
        return summed + self.bias


def fit_wide(wide: Wide, rows: Sequence[NDArray[np.int64]], labels: NDArray[np.int64]) -> None:
    """Fit `wide` in place.

    Args:
        rows: each row's distinct bucket numbers.
        labels: (n,), -1 where unknown; those rows are left out.
    """
    linear = require("sklearn.linear_model", "train", "training the dual ranker")
    from scipy.sparse import csr_matrix

    known = np.flatnonzero(labels >= 0)
    present = np.unique(labels[known])
    bias = np.full(len(wide.bias), _NEVER, np.float32)
    bias[present] = 0
    weights = np.zeros((len(wide.bias), wide.table.num_embeddings), np.float32)
    if len(present) > 1:
        grams = Grams.of([rows[int(row)] for row in known], weights.shape[1])
        columns, begins, values = (tensor.numpy() for tensor in grams)
        scale = _rarity(columns, len(known), weights.shape[1])
        matrix = csr_matrix(
            (values * scale[columns], columns, np.append(begins, len(columns))),
            (len(known), weights.shape[1]),
        )
        model = linear.LogisticRegression(C=STRENGTH, max_iter=_STEPS, tol=_TOLERANCE)
        import warnings

        with warnings.catch_warnings():  # a last digit more or less is nothing to a regularised model
            warnings.simplefilter("ignore")
            model.fit(matrix, labels[known])
        two = len(present) == 2  # scikit-learn keeps one row for two classes
        fitted = np.concatenate([-model.coef_, model.coef_]) / 2 if two else model.coef_
        weights[present] = fitted * scale  # so that who reads need not weigh
        bias[present] = np.concatenate([-model.intercept_, model.intercept_]) / 2 if two else model.intercept_
    with torch.no_grad():
        wide.table.weight.copy_(torch.from_numpy(weights.T.copy()))
        wide.bias.copy_(torch.from_numpy(bias))


def _rarity(columns: NDArray[np.int64], rows: int, buckets: int) -> NDArray[np.float64]:
    """(buckets,) smoothed inverse document frequencies, mean square 1 over what rows have of a kind."""
    frequency = np.bincount(columns, minlength=buckets)
    rarity = np.log((1 + rows) / (1 + frequency)) + 1
    for begin, end in kind_ranges(buckets):
        kind, seen = rarity[begin:end], frequency[begin:end]
        if seen.any():
            kind /= np.sqrt((kind**2 * seen).sum() / seen.sum())
    return np.asarray(rarity, np.float64)
