"""The recall stage: from the whole library to the few hundred stickers worth scoring."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from retriever.errors import InputError
from retriever.scorers.base import Recaller, Scores
from retriever.scorers.embedding import EmbeddingScorer
from retriever.store.library import Library
from retriever.types import Conversation

if TYPE_CHECKING:
    from chromadb.api.models.Collection import Collection

Rows = NDArray[np.intp]
RecallMethod = Literal["exact", "hnsw"]


MOST_NEIGHBOURS = 10_000
"""Chroma fails when asked for some 32,000; above this, and for a whole library, the exact way is faster."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """What the recall stage found.

    Attributes:
        rows: library rows, (m,), ascending.
        scores: every recaller's scores of these rows, each (m,).
    """

    rows: Rows
    scores: dict[str, Scores]


class Recall:
    """The union of every recaller's best stickers.

    Args:
        method: ``exact`` scores the whole library; ``hnsw`` asks Chroma for each embedding's neighbours.
        size: how many rows each recaller names, at least.

    Raises:
        LibraryDamaged, LibraryError: `hnsw` and Chroma does not open.
    """

    def __init__(
        self, library: Library, recallers: Sequence[Recaller], method: RecallMethod = "exact", size: int = 200
    ) -> None:
        if method not in ("exact", "hnsw"):
            raise InputError(f"recall is {method!r}; expected 'exact' or 'hnsw'")
        if size < 1:
            raise InputError(f"the recall size is {size}; expected 1 or more")
        self._library = library
        self._recallers = tuple(recallers)
        self._method = method
        self._size = size
        self._collections = self._opened() if method == "hnsw" else {}

    def __call__(
        self, conversation: Conversation, k: int, allowed: NDArray[np.bool_] | None = None
    ) -> Candidates:
        """Candidates for a question: at least `k` rows where the library has them.

        Args:
            allowed: who may be picked, (n_library,); None allows everybody.
        """
        size = max(k, self._size)
        if self._method == "hnsw" and allowed is None and size < min(len(self._library), MOST_NEIGHBOURS):
            candidates = self._approximate(conversation, size)
            if len(candidates.rows) >= k:  # a graph search may come back with fewer than it was asked for
                return candidates
        return self._exact(conversation, size, allowed)

    def _exact(self, conversation: Conversation, size: int, allowed: NDArray[np.bool_] | None) -> Candidates:
        scores = {scorer.name: scorer.score_library(conversation) for scorer in self._recallers}
        pool = np.arange(len(self._library)) if allowed is None else np.flatnonzero(allowed)
        named = [
            pool[best_rows(values[pool], size)] for values in scores.values() if np.ptp(values[pool]) > 0
        ]
        rows = np.unique(np.concatenate(named or [pool[:size]]))
        return Candidates(rows, {name: values[rows] for name, values in scores.items()})

    def _approximate(self, conversation: Conversation, size: int) -> Candidates:
        from retriever.store.chroma import nearest

        scores: dict[str, Scores] = {}
        named: list[Rows] = []
        for scorer in self._recallers:
            if isinstance(scorer, EmbeddingScorer):
                ids, _ = nearest(
                    self._collections[scorer.name],
                    scorer.query_vector(conversation),
                    min(size, len(self._library)),
                )
                named.append(np.asarray([self._library.stickers.row_of(i) for i in ids], dtype=np.intp))
            else:
                scores[scorer.name] = scorer.score_library(conversation)
                if np.ptp(scores[scorer.name]) > 0:
                    named.append(best_rows(scores[scorer.name], size))
        rows = np.unique(np.concatenate(named or [np.arange(min(size, len(self._library)))]))
        found = {
            scorer.name: scorer.score_rows(conversation, rows)
            if isinstance(scorer, EmbeddingScorer)
            else scores[scorer.name][rows]
            for scorer in self._recallers
        }
        return Candidates(rows, found)

    def _opened(self) -> "dict[str, Collection]":
        """Every embedding's collection, its graph in memory, where it outlives the index's retirement."""
        from retriever.store.chroma import nearest

        collections = {}
        for scorer in self._recallers:
            if isinstance(scorer, EmbeddingScorer):
                spec = scorer.encoder.spec
                collections[scorer.name] = self._library.collection(spec)
                nearest(collections[scorer.name], self._library.vectors(spec)[0], 1)
        return collections


def best_rows(scores: NDArray[Any], k: int) -> Rows:
    """The positions of the `k` highest of `scores` (n,), best first; ties go to the lower position."""
    if k >= len(scores):
        return np.argsort(-scores, kind="stable")
    threshold = np.partition(scores, len(scores) - k)[len(scores) - k]
    sure = np.flatnonzero(scores > threshold)
    tied = np.flatnonzero(scores == threshold)[: k - len(sure)]
    rows = np.concatenate([sure, tied])
    return np.asarray(rows[np.lexsort((rows, -scores[rows]))])
