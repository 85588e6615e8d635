"""The candidates of many conversations as arrays, in groups that no split may tear apart."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from eval.dialogue_groups import dialogue_groups
from eval.fitting.scored import DatasetScores, Query
from retriever.errors import InputError

__all__ = ["Pools", "group_ids", "make_pools"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Pools:
    """q conversations with at most n candidates each, scored by s scorers.

    Attributes:
        scorers: names, ``s``.
        scores: ``(q, n, s)``; 0 where a list is shorter than n.
        mask: ``(q, n)``, which places are candidates.
        gold: ``(q,)``, the place of the right one.
        confidence: ``(q, s)``, how far each scorer is to be trusted.
        traits: ``(q, t)``.
        group: ``(q,)``, conversations of one dialogue share a number; unique over all datasets.
        dataset: ``(q,)``, a number a dataset.
        datasets: their names.
    """

    scorers: tuple[str, ...]
    scores: Floats
    mask: NDArray[np.bool_]
    gold: Ints
    confidence: Floats
    traits: Floats
    group: Ints
    dataset: Ints
    datasets: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.gold)

    @property
    def weight(self) -> Floats:
        """``(q,)``, adding to 1, so that every dataset counts alike however large it is."""
        sizes = np.bincount(self.dataset, minlength=len(self.datasets))
        here = sizes > 0
        return np.asarray(1.0 / (sizes[self.dataset] * here.sum()))

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> "Pools":
        """Some of the conversations."""
        return replace(
            self,
            scores=self.scores[rows],
            mask=self.mask[rows],
            gold=self.gold[rows],
            confidence=self.confidence[rows],
            traits=self.traits[rows],
            group=self.group[rows],
            dataset=self.dataset[rows],
        )

    def of(self, scorers: Sequence[str]) -> "Pools":
        """With these scorers alone."""
        columns = [self.scorers.index(name) for name in scorers]
        return replace(
            self,
            scorers=tuple(scorers),
            scores=self.scores[:, :, columns],
            confidence=self.confidence[:, columns],
        )


def make_pools(scored: Sequence[DatasetScores]) -> tuple[Pools, list[Query]]:
    """Everything whose candidates can be judged, and the queries in the same order.

    Raises:
        InputError: datasets of different scorers or with one name, or no candidates at all.
    """
    names = [each.name for each in scored]
    if len(set(names)) < len(names) or len({each.scorers for each in scored}) != 1:
        raise InputError(f"got datasets {', '.join(names)}; expected different names and the same scorers")
    queries: list[Query] = []
    dataset: list[int] = []
    group: list[int] = []
    for number, each in enumerate(scored):
        judged = [query for query in each.queries if query.gold is not None]
        if not judged:
            raise InputError(
                f"{each.name} has no candidates to fit on ({each.skipped}); "
                "`sticker data convert` makes lists of them"
            )
        group += (group_ids(judged) + (max(group, default=-1) + 1)).tolist()
        queries += judged
        dataset += [number] * len(judged)
    n = max(len(query.candidates) for query in queries)
    scores = np.zeros((len(queries), n, len(scored[0].scorers)))
    mask = np.zeros((len(queries), n), dtype=bool)
    for at, query in enumerate(queries):
        scores[at, : len(query.candidates)] = query.candidates
        mask[at, : len(query.candidates)] = True
    return (
        Pools(
            scored[0].scorers,
            scores,
            mask,
            np.array([query.gold for query in queries], dtype=np.int64),
            np.stack([query.confidence for query in queries]),
            np.stack([query.traits for query in queries]),
            np.array(group, dtype=np.int64),
            np.array(dataset, dtype=np.int64),
            tuple(names),
        ),
        queries,
    )


def group_ids(queries: Sequence[Query]) -> Ints:
    """Numbers of the dialogues that the conversations were cut from, ``(q,)``; see `dialogue_groups`."""
    return dialogue_groups([query.id for query in queries], [query.dialogue for query in queries])
