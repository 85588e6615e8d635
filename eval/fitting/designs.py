"""What a linear fusion adds up: every scorer's normalised scores, as far as it trusts itself."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eval.fitting.pools import Pools
from retriever.fusion.normalise import NORMALISATIONS, is_constant, mean_ranks

__all__ = ["DESIGNS", "RRF_K", "Design", "Designs", "spreads"]

Floats = NDArray[np.float64]

RRF_K = 60.0
DESIGNS = ("rrf", "rank", "zscore", "minmax", "softmax", "none")
"""Normalisations that a fit may choose from; ``rrf`` is ``1 / (60 + rank)``."""


@dataclass(frozen=True)
class Design:
    """Normalised scores of some conversations.

    Attributes:
        values: ``(q, n, s)``; 0 for a scorer without opinion and where there is no candidate.
        temperatures: ``(s,)``, of ``softmax``; 1 elsewhere.
    """

    values: Floats
    temperatures: Floats


class Designs:
    """The designs of some pools, each made once.

    All but ``softmax`` look at one list at a time, so they are the same whoever else is in the data. The
    temperatures of ``softmax`` are spreads of the scorers' scores over training conversations.
    """

    def __init__(self, pools: Pools) -> None:
        self.pools = pools
        self._made: dict[str, Floats] = {}

    def only(self, scorers: Sequence[str]) -> "Designs":
        """The same with some of the scorers, sharing what is made already."""
        columns = [self.pools.scorers.index(name) for name in scorers]
        part = Designs(self.pools.of(scorers))
        part._made = {name: made[:, :, columns] for name, made in self._made.items()}
        return part

    def of(self, normalisation: str, train: NDArray[np.bool_], softness: float = 1.0) -> Design:
        """The design of all conversations, with whatever has to be learned learned from `train` ``(q,)``.

        Args:
            normalisation: one of `DESIGNS`.
            softness: the temperature of ``softmax`` in units of a scorer's spread.
        """
        pools = self.pools
        if normalisation == "softmax":
            temperatures = softness * spreads(pools.scores[train], pools.mask[train])
            return Design(_softmaxed(pools, temperatures) * pools.confidence[:, None, :], temperatures)
        if normalisation not in self._made:
            self._made[normalisation] = _normalised(pools, normalisation) * pools.confidence[:, None, :]
        return Design(self._made[normalisation], np.ones(len(pools.scorers)))


def spreads(values: Floats, mask: NDArray[np.bool_]) -> Floats:
    """Root mean square of the standard deviation within a list, a scorer: ``(s,)``; 1 where it is 0."""
    counts = mask.sum(axis=1)[:, None]
    kept = np.where(mask[:, :, None], values, 0.0)
    centred = np.where(mask[:, :, None], values - (kept.sum(axis=1) / counts)[:, None, :], 0.0)
    found = np.sqrt(((centred**2).sum(axis=1) / counts).mean(axis=0))
    return np.asarray(np.where(found > 1e-12, found, 1.0))


def _normalised(pools: Pools, normalisation: str) -> Floats:
    made = np.zeros_like(pools.scores)
    for at in range(len(pools)):
        n = int(pools.mask[at].sum())
        for column in range(len(pools.scorers)):
            scores = pools.scores[at, :n, column]
            if is_constant(scores):
                continue
            if normalisation == "rrf":
                made[at, :n, column] = 1.0 / (RRF_K + mean_ranks(scores))
            else:
                made[at, :n, column] = NORMALISATIONS[normalisation](scores)
    return made


def _softmaxed(pools: Pools, temperatures: Floats) -> Floats:
    """`retriever.fusion.softmax` of every list at once; 0 for a scorer without opinion."""
    hidden = ~pools.mask[:, :, None]
    high = np.where(hidden, -np.inf, pools.scores).max(axis=1, keepdims=True)
    low = np.where(hidden, np.inf, pools.scores).min(axis=1, keepdims=True)
    with np.errstate(over="ignore"):
        shares = np.where(hidden, 0.0, np.exp(np.where(hidden, 0.0, pools.scores - high) / temperatures))
    shares /= shares.sum(axis=1, keepdims=True)
    return np.asarray(np.where(high == low, 0.0, shares))
