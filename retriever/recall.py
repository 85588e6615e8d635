"""The recall stage: from the whole library to the few hundred stickers worth scoring."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from retriever.errors import InputError, LibraryDamaged
from retriever.scorers.base import Recaller, Scores
from retriever.scorers.embedding import EmbeddingScorer
from retriever.store.library import Library
from retriever.types import Conversation

if TYPE_CHECKING:
    from chromadb.api.models.Collection import Collection

logger = logging.getLogger(__name__)

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

    Later indexing may retire the library and remove its graphs; the exact way, which needs nothing of the
    disk that is not mapped already, then takes over for good.

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
        self._size = size
        self._graphs = self._opened() if method == "hnsw" else None
        self._lock = Lock()

    def __call__(
        self, conversation: Conversation, k: int, allowed: NDArray[np.bool_] | None = None
    ) -> Candidates:
        """Candidates for a question: at least `k` rows where the library has them.

        Args:
            allowed: who may be picked, (n_library,); None allows everybody.

        Raises:
            LibraryDamaged: a graph of a library that was not retired is broken.
        """
        size = max(k, self._size)
        graphs = self._graphs
        if graphs is not None and allowed is None and size < min(len(self._library), MOST_NEIGHBOURS):
            try:
                candidates = self._approximate(conversation, size, graphs)
            except LibraryDamaged as error:
                self._leave_the_graphs(error)
            else:
                if len(candidates.rows) >= k:  # a graph search may find fewer than it was asked for
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

    def _approximate(
        self, conversation: Conversation, size: int, graphs: "Mapping[str, Collection]"
    ) -> Candidates:
        from retriever.store.chroma import nearest

        scores: dict[str, Scores] = {}
        named: list[Rows] = []
        for scorer in self._recallers:
            if isinstance(scorer, EmbeddingScorer):
                ids, _ = nearest(
                    graphs[scorer.name],
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

    def _leave_the_graphs(self, error: LibraryDamaged) -> None:
        """Search exactly from now on, where `error` comes of the library's retirement; raise it elsewhere."""
        if not self._library.retired:
            raise error
        with self._lock:  # of threads that find out together, one says so
            first, self._graphs = self._graphs is not None, None
        if first:
            logger.warning(
                "%s was indexed since it was opened, and its graph is gone: the stickers it had then are now "
                "searched exactly, one by one; open the library again",
                self._library.paths.root,
            )

    def _opened(self) -> "dict[str, Collection]":
        """Every embedding's collection, its graph in memory, where it mostly outlives the index's files."""
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
