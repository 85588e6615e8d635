"""Systems over a library: trained rankers, encoders that the library was not made with, a fusion."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from eval.systems import Asked, Rows, Scored, Usage
from retriever.chain import FUSED, StickerRetriever
from retriever.documents import document
from retriever.encoders.base import Encoder, ReadsConversations, Vectors
from retriever.errors import InputError
from retriever.query import query_text
from retriever.rankers.base import DenseRanker, Ranker, StickerFeatures, take
from retriever.rankers.cache import FeatureCache
from retriever.scorers.base import ReadsAhead, Recaller, Scores
from retriever.scorers.ranker import DenseRankerScorer, ranker_scorer
from retriever.scorers.remembered import Remembered
from retriever.store.library import Library
from retriever.types import Conversation

__all__ = [
    "DenseRankerSystem",
    "EncoderSystem",
    "FusedSystem",
    "RankerSystem",
    "RecallerSystem",
    "ranker_system",
]


AT_ONCE = 64
"""Conversations that are read together: a text tower takes a third less time over each."""


class _OneByOne:
    """A system that scores one conversation after the other, and asks no language model itself.

    Args:
        name: in results.
        ahead: scorers or rankers of which some may read the conversations of a batch together.
    """

    usage = Usage()

    def __init__(self, name: str, ahead: Sequence[object] = ()) -> None:
        self._name = name
        self._ahead = [one for one in ahead if isinstance(one, ReadsAhead)]
        self.batch = AT_ONCE if self._ahead else 1

    def prepare(self, rows: Rows) -> None:
        """Nothing to do."""

    def read(self, conversations: Sequence[Conversation]) -> None:
        """Read them together, where that is possible and there are several."""
        if len(conversations) > 1:
            for reader in self._ahead:
                reader.prepare(conversations)

    def score(self, asked: Sequence[Asked]) -> list[Scored]:
        """The scores, under the one name."""
        return [{self._name: self._one(conversation, rows)} for conversation, rows in asked]

    def close(self) -> None:
        """Nothing to do."""

    def _one(self, conversation: Conversation, rows: Rows) -> Scores:
        raise NotImplementedError


class RecallerSystem(_OneByOne):
    """A scorer that scores a whole library cheaply.

    Args:
        name: in results.
        recaller: it.
    """

    def __init__(self, name: str, recaller: Recaller) -> None:
        super().__init__(name, [recaller])
        self._recaller = recaller

    def _one(self, conversation: Conversation, rows: Rows) -> Scores:
        scores = self._recaller.score_library(conversation)
        return scores if rows is None else scores[rows]


class RankerSystem(_OneByOne):
    """A trained ranker that reads conversation and sticker together; its sticker side is kept in the library.

    Only stickers that somebody asks about are encoded: ten candidates do not need the whole library.
    """

    def __init__(self, name: str, ranker: Ranker, library: Library) -> None:
        super().__init__(name)
        self._ranker, self._stickers = ranker, library.stickers
        self._cache = FeatureCache(ranker, library.paths.root / "features")
        self._told = Remembered(ranker, library.paths.inferences)
        self._all: StickerFeatures | None = None

    def prepare(self, rows: Rows) -> None:
        """Encode what is new among these rows."""
        if rows is None:
            self._of_all()
        else:
            self._of(rows)

    def _one(self, conversation: Conversation, rows: Rows) -> Scores:
        features = self._of_all() if rows is None else self._of(rows)
        return self._ranker.score(self._told(conversation), features)

    def _of_all(self) -> StickerFeatures:
        if self._all is None:
            self._all = self._cache(list(self._stickers), show_progress=None)
        return self._all

    def _of(self, rows: NDArray[np.int64]) -> StickerFeatures:
        if self._all is not None:
            return take(self._all, rows)
        return self._cache([self._stickers[int(row)] for row in rows])


class DenseRankerSystem(_OneByOne):
    """A trained ranker with one vector a sticker: a whole library is one matrix product."""

    def __init__(self, name: str, ranker: Ranker, library: Library) -> None:
        super().__init__(name, [ranker])
        self._ranker, self._library = ranker, library
        self._scorer: DenseRankerScorer | None = None

    def prepare(self, rows: Rows) -> None:
        """Encode the library, from the vectors it has where they are this ranker's own."""
        self._ready()

    def read(self, conversations: Sequence[Conversation]) -> None:
        """Read them together, with what was inferred of them."""
        if len(conversations) > 1:
            self._ready().prepare(conversations)

    def _one(self, conversation: Conversation, rows: Rows) -> Scores:
        scores = self._ready().score_library(conversation)
        return scores if rows is None else scores[rows]

    def _ready(self) -> DenseRankerScorer:
        if self._scorer is None:
            same = [s for s in self._library.manifest.encoders if s.model_id == self._ranker.model_id]
            vectors = self._library.vectors(same[0]) if same else None
            made = ranker_scorer(self._library, self._ranker, vectors, self._name)
            assert isinstance(made, DenseRankerScorer)
            self._scorer = made
        return self._scorer


def ranker_system(name: str, ranker: Ranker, library: Library) -> RankerSystem | DenseRankerSystem:
    """The system that fits a ranker."""
    if isinstance(ranker, DenseRanker) and ranker.dense:
        return DenseRankerSystem(name, ranker, library)
    return RankerSystem(name, ranker, library)


class EncoderSystem(_OneByOne):
    """Cosines by an encoder that the library was not made with; its documents are encoded here.

    Args:
        name: in results.
        encoder: one that represents stickers by their documents.
        library: whose stickers, and which fields their documents are made of.
        history: how many utterances are read.

    Raises:
        InputError: an encoder that looks at pictures.
    """

    def __init__(self, name: str, encoder: Encoder, library: Library, history: int = 3) -> None:
        super().__init__(name)
        spec = encoder.spec
        if spec.sticker_side != "document":
            raise InputError(
                f"{spec.name} looks at the stickers' pictures, so their vectors belong in a library: "
                f"`sticker index PACK --library FOLDER --encoder {spec.name}`, then --library FOLDER"
            )
        self._encoder, self._library, self._history = encoder, library, history
        self._matrix: Vectors | None = None
        self._read: dict[str, Vectors] = {}
        self.batch = AT_ONCE

    def prepare(self, rows: Rows) -> None:
        """Encode the library's documents, once."""
        self._ready()

    def read(self, conversations: Sequence[Conversation]) -> None:
        """Encode them together."""
        if isinstance(self._encoder, ReadsConversations):
            self._encoder.encode_conversations(conversations)
            return
        texts = list(dict.fromkeys(query_text(one, self._history) for one in conversations))
        self._read = dict(zip(texts, self._encoder.encode_queries(texts), strict=True))

    def _one(self, conversation: Conversation, rows: Rows) -> Scores:
        if isinstance(self._encoder, ReadsConversations):
            vector = self._encoder.encode_conversations([conversation])[0]
        else:
            text = query_text(conversation, self._history)
            known = self._read.get(text)
            vector = self._encoder.encode_queries([text])[0] if known is None else known
        matrix = self._ready()
        # row by row, so that equal documents have equal scores
        return np.asarray(np.einsum("nd,d->n", matrix if rows is None else matrix[rows], vector), np.float64)

    def _ready(self) -> Vectors:
        if self._matrix is None:
            fields, languages = self._library.manifest.document_fields, self._encoder.spec.languages
            texts = [document(sticker, fields, languages) for sticker in self._library.stickers]
            self._matrix = self._encoder.encode_documents(texts)
        return self._matrix


class FusedSystem(_OneByOne):
    """The fusion of a retriever's scorers, over the list asked about: candidates are fused among themselves.

    Ask it by list (`eval.systems.SystemSpec.by_list`): ranks and normalised scores depend on the others.
    """

    def __init__(self, name: str, retriever: StickerRetriever) -> None:
        super().__init__(name, (*retriever.recallers, *retriever.scorers))
        self._retriever = retriever

    def _one(self, conversation: Conversation, rows: Rows) -> Scores:
        if rows is None:
            return self._retriever.score_library(conversation)[FUSED]
        stickers = [self._retriever.stickers[int(row)] for row in rows]
        return self._retriever.score(conversation, stickers)[FUSED]
