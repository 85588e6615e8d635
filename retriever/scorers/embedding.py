"""The `embedding` scorer: cosine between a conversation and every sticker, by one matrix product."""

from collections import OrderedDict
from collections.abc import Sequence
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from retriever.encoders.base import Encoder, ReadsConversations, Vectors
from retriever.errors import ManifestMismatch
from retriever.languages import readable_share
from retriever.query import query_text
from retriever.scorers.base import Scores
from retriever.store.library import Library
from retriever.types import Conversation, Sticker

__all__ = ["EmbeddingScorer"]

UNREAD = 0.1
"""The confidence left for a conversation in a script the encoder does not read.

An English encoder still breaks ties among Chinese texts a little better than chance: of 1, 0.5, 0.2, 0.1 and
0.05, measured with RRF on 4,000 training conversations in Chinese, 0.1 was the largest that cost nothing.
"""

REMEMBERED = 256
"""Conversations whose vector is kept, so that recall and scoring encode one conversation once."""


class EmbeddingScorer:
    """Cosine similarity, in [-1, 1], of a conversation's last utterances and a sticker.

    Exact and deterministic: vectors are normalised, so the whole library is one matrix-vector product
    (n, d) x (d,), faster than an HNSW index below some 100,000 stickers.

    Args:
        library: where the stickers' vectors are.
        encoder: the one the library was made with.
        name: the key of the scores; a library with several encoders has several of these scorers.
        history: how many utterances are read.

    Raises:
        ManifestMismatch: the library has no vectors of this encoder.
    """

    def __init__(self, library: Library, encoder: Encoder, name: str = "embedding", history: int = 3) -> None:
        known = {spec.fingerprint: spec.name for spec in library.manifest.encoders}
        if encoder.spec.fingerprint not in known:
            raise ManifestMismatch(
                f"{library.paths.root} was made with {', '.join(known.values()) or 'no encoder'}, not with "
                f"{encoder.spec.name} ({encoder.spec.model_id}); index it again with --reencode"
            )
        self.name = name
        self.history = history
        self.encoder = encoder
        self._library = library
        self._matrix = library.vectors(encoder.spec)  # (n, d)
        self._queries: OrderedDict[str, Vectors] = OrderedDict()
        self._lock = Lock()

    def query_vector(self, conversation: Conversation) -> Vectors:
        """The conversation's vector, (d,), normalised."""
        if isinstance(self.encoder, ReadsConversations) and conversation.inferences is None:
            remembered: Vectors = self.encoder.encode_conversations([conversation])[0]
            return remembered
        text = query_text(conversation, self.history)
        vector = self._queries.get(text)
        if vector is None:  # threads may do this at the same time: never read back what another may remove
            vector = self.encoder.encode_queries([text])[0]
            self._remember(text, vector)
        return vector

    def prepare(self, conversations: Sequence[Conversation]) -> None:
        """Encode the conversations of the next questions in one batch; at most `REMEMBERED` are kept."""
        if isinstance(self.encoder, ReadsConversations):
            self.encoder.encode_conversations(conversations[:REMEMBERED])
            return
        texts = [query_text(conversation, self.history) for conversation in conversations]
        new = [text for text in dict.fromkeys(texts) if text not in self._queries][:REMEMBERED]
        if new:
            for text, vector in zip(new, self.encoder.encode_queries(new), strict=True):
                self._remember(text, vector)

    def _remember(self, text: str, vector: Vectors) -> None:
        with self._lock:
            self._queries[text] = vector
            while len(self._queries) > REMEMBERED:
                self._queries.popitem(last=False)

    def confidence(self, conversation: Conversation) -> float:
        """The share of the conversation in scripts the encoder reads, at least `UNREAD`."""
        share = readable_share(query_text(conversation, self.history), self.encoder.spec.languages)
        return max(UNREAD, share)

    def score_library(self, conversation: Conversation) -> Scores:
        """Cosines of all stickers, (n_library,)."""
        return _cosines(self._matrix, self.query_vector(conversation))

    def score_rows(self, conversation: Conversation, rows: NDArray[np.intp]) -> Scores:
        """Cosines of the stickers in `rows` (m,), as (m,)."""
        return _cosines(self._matrix[rows], self.query_vector(conversation))

    def score(self, conversation: Conversation, stickers: Sequence[Sticker]) -> Scores:
        """Cosines of the given stickers, (len(stickers),).

        Raises:
            InputError: a sticker that is not in the library.
        """
        return self.score_rows(conversation, self._library.rows_of(stickers))


def _cosines(matrix: Vectors, query: Vectors) -> Scores:
    """``matrix @ query`` for (n, d) and (d,), each row on its own.

    BLAS may add up a row in another order when it stands elsewhere, so that twins differ in the last bit and
    an unrelated sticker decides which comes first. With einsum equal rows have equal scores; it is as fast
    where memory is what limits.
    """
    return np.asarray(np.einsum("nd,d->n", matrix, query), dtype=np.float64)
