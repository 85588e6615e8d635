"""What a linear fusion adds up: every scorer's normalised scores, as far as it trusts itself."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from eval.fitting.pools import Pools
from retriever.fusion.normalise import NORMALISATIONS, is_constant, mean_ranks, softmax

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
    """The designs of some pools, each made once. No label enters them.

    A pick normalises over everything that was recalled, not over ten candidates; so do these, given it.

    Args:
        pools: whose candidates.
        context: by conversation, scores ``(m, s)`` of the recalled stickers that are no candidates; None
            where nothing was recalled.
    """

    def __init__(self, pools: Pools, context: Sequence[NDArray[np.float32]] | None = None) -> None:
        self.pools = pools
        self._context = context
        self._made: dict[tuple[str, float], Design] = {}

    def only(self, scorers: Sequence[str]) -> "Designs":
        """The same with some of the scorers, sharing what is made already."""
        columns = [self.pools.scorers.index(name) for name in scorers]
        context = None if self._context is None else [each[:, columns] for each in self._context]
        part = Designs(self.pools.of(scorers), context)
        part._made = {
            key: Design(made.values[:, :, columns], made.temperatures[columns])
            for key, made in self._made.items()
        }
        return part

    def of(self, normalisation: str, softness: float = 1.0) -> Design:
        """The design of all conversations.

        Args:
            normalisation: one of `DESIGNS`.
            softness: the temperature of ``softmax`` in units of a scorer's spread.
        """
        key = normalisation, softness if normalisation == "softmax" else 1.0
        if key not in self._made:
            pools = self.pools
            temperatures = np.ones(len(pools.scorers))
            if normalisation == "softmax":
                temperatures = softness * spreads(pools.scores, pools.mask)
            values = self._normalised(normalisation, temperatures) * pools.confidence[:, None, :]
            self._made[key] = Design(values, temperatures)
        return self._made[key]

    def _normalised(self, normalisation: str, temperatures: Floats) -> Floats:
        pools = self.pools
        made = np.zeros_like(pools.scores)
        for column, temperature in enumerate(temperatures):
            normalise = _function(normalisation, float(temperature))
            for at in range(len(pools)):
                n = int(pools.mask[at].sum())
                scores = pools.scores[at, :n, column]
                if self._context is not None and normalisation != "none":
                    # the same precision for all, or twins would not be equal
                    near = scores.astype(np.float32)
                    scores = np.concatenate([near, self._context[at][:, column]]).astype(np.float64)
                if not is_constant(scores):
                    made[at, :n, column] = normalise(scores)[:n]
        return made


def _function(normalisation: str, temperature: float) -> Callable[[Floats], Floats]:
    if normalisation == "rrf":
        return lambda scores: 1.0 / (RRF_K + mean_ranks(scores))
    if normalisation == "softmax":
        return partial(softmax, temperature=temperature)
    return NORMALISATIONS[normalisation]


def spreads(values: Floats, mask: NDArray[np.bool_]) -> Floats:
    """Root mean square of the standard deviation within a list, a scorer: ``(s,)``; 1 where it is 0."""
    counts = mask.sum(axis=1)[:, None]
    kept = np.where(mask[:, :, None], values, 0.0)
    centred = np.where(mask[:, :, None], values - (kept.sum(axis=1) / counts)[:, None, :], 0.0)
    found = np.sqrt(((centred**2).sum(axis=1) / counts).mean(axis=0))
    return np.asarray(np.where(found > 1e-12, found, 1.0))
