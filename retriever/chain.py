"""The chain: recall candidates, score them, fuse the scores, pick."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from retriever.checkpoints import STARTER
from retriever.encoders import load_encoder
from retriever.errors import InputError, LibraryDamaged
from retriever.filters import FilterIndex, Filters
from retriever.fusion import fuse
from retriever.rankers import load_ranker
from retriever.rankers.base import Expecting
from retriever.recall import Recall, RecallMethod, best_rows
from retriever.scorers.base import Doubting, Recaller, Scorer, Scores
from retriever.scorers.embedding import EmbeddingScorer
from retriever.scorers.ranker import DenseRankerScorer, RankerScorer, ranker_scorer
from retriever.store.library import Library
from retriever.types import Conversation, Pick, Sticker

__all__ = ["StickerRetriever"]

FUSED = "fused"
"""The name of the fused scores beside the scorers' own."""


class StickerRetriever:
    """Picks stickers of a library for conversations.

    Use `open`, or build one from parts::

        retriever = StickerRetriever.open("sticker-library")
        for pick in retriever.pick("I passed the exam!", k=3):
            print(pick.rank, pick.sticker.id, pick.score, dict(pick.scores))

    A question is answered in three steps: every recaller (`embedding`, `lexical`) names its `recall_size`
    best stickers; all scorers score the union; the scores are fused. Instances may be shared by threads as
    long as their scorers may.

    Args:
        library: an opened library.
        recallers: scorers that can score the whole library; at least one.
        scorers: scorers that score candidates only (a ranker, an LLM); may be empty.
        fusion: a method of `retriever.fusion`.
        weights: by scorer name; 1 where not given. A scorer that doubts itself (`Doubting`) lowers its own
            for a conversation, as an English encoder does for Chinese.
        fusion_options: the method's own options, such as ``k`` of ``rrf``.
        recall: ``exact`` (a matrix product; the same answer every time) or ``hnsw`` (Chroma's index; for
            libraries far above 100,000 stickers; questions with a filter are still answered exactly).
        recall_size: how many stickers each recaller may name.
    """

    def __init__(
        self,
        library: Library,
        recallers: Sequence[Recaller],
        scorers: Sequence[Scorer] = (),
        *,
        fusion: str = "rrf",
        weights: Mapping[str, float] | None = None,
        fusion_options: Mapping[str, Any] | None = None,
        recall: RecallMethod = "exact",
        recall_size: int = 200,
    ) -> None:
        names = [scorer.name for scorer in (*recallers, *scorers)]
        if not recallers or len(set(names)) != len(names) or FUSED in names:
            raise InputError(
                f"got scorers {names}; expected at least one recaller and different names, none {FUSED!r}"
            )
        self.library = library
        self.recallers = tuple(recallers)
        self.scorers = tuple(scorers)
        self.fusion = fusion
        self.weights = dict(weights) if weights else None
        self.fusion_options = dict(fusion_options or {})
        self._recall = Recall(library, self.recallers, recall, recall_size)
        self._filters = FilterIndex(library.stickers)
        fuse(dict.fromkeys(names, np.zeros(1)), fusion, weights=self.weights, **self.fusion_options)

    @classmethod
    def open(
        cls,
        path: str | Path | None = None,
        *,
        use: Sequence[str] = (),
        scorers: Sequence[Scorer] = (),
        ranker: str | Path | None = "auto",
        history: int = 3,
        device: str = "auto",
        fusion: str = "rrf",
        weights: Mapping[str, float] | None = None,
        fusion_options: Mapping[str, Any] | None = None,
        recall: RecallMethod = "exact",
        recall_size: int = 200,
    ) -> Self:
        """A retriever over the library at `path`, with the scorers its index supports.

        Args:
            path: a library folder made by `sticker index`; None means `default_library()`.
            use: names of the library's scorers wanted (``embedding``, ``lexical``, ``ranker``); empty takes
                all there are.
            scorers: more scorers, such as the LLM one.
            ranker: a checkpoint folder; ``auto`` is the ranker that ships, where the library was made with
                its encoder; None leaves rankers out.
            history: how many utterances the recallers read.
            device: for encoders that can choose.

        Raises:
            LibraryNotFound, LibraryDamaged, ManifestMismatch: the library cannot be used; says what to do.
            MissingExtra, ModelError: its encoder cannot be loaded here.
            InputError: a name in `use` that this library does not have.
        """
        library = Library.open(path)
        while True:
            try:
                recallers, more = _scorers(library, use, history, device, ranker)
                return cls(
                    library,
                    recallers,
                    (*more, *scorers),
                    fusion=fusion,
                    weights=weights,
                    fusion_options=fusion_options,
                    recall=recall,
                    recall_size=recall_size,
                )
            except LibraryDamaged:
                newer = Library.open(path)
                if newer.name == library.name:
                    raise
                library = newer  # writers retired that index while it was being opened

    def pick(
        self,
        conversation: Conversation | str | Sequence[str],
        k: int = 3,
        *,
        packs: Sequence[str] = (),
        emotions: Sequence[str] = (),
        intentions: Sequence[str] = (),
        tags: Sequence[str] = (),
    ) -> list[Pick]:
        """The `k` best stickers, best first; equal scores are ordered by id.

        Args:
            conversation: a `Conversation`, one message, or messages of two people taking turns.
            k: from 1 to the number of stickers that pass the filters.
            packs, emotions, intentions, tags: what a pick must be, one of the values given of each kind.

        Raises:
            ConversationError: no text.
            InputError: `k` out of range, a filter value no sticker has, or filters nothing passes.
        """
        conversation = as_conversation(conversation)
        filters = Filters(packs, emotions, intentions, tags)
        allowed = self._filters.mask(filters) if filters else None
        self._check_k(k, allowed)
        candidates = self._recall(conversation, k, allowed)
        stickers = [self.library.stickers[int(row)] for row in candidates.rows]
        scores = {**candidates.scores, **{s.name: s.score(conversation, stickers) for s in self.scorers}}
        fused = self._fuse(conversation, scores)
        return [
            Pick(
                sticker=stickers[row],
                rank=rank,
                score=float(fused[row]),
                scores={name: float(values[row]) for name, values in scores.items()},
            )
            for rank, row in enumerate(best_rows(fused, k), start=1)
        ]

    def score_library(self, conversation: Conversation) -> dict[str, Scores]:
        """Every scorer's scores for the whole library, and their fusion under ``fused``; each (n_library,).

        What an evaluation ranks. Scorers beside the recallers score all stickers too, which for an LLM is as
        slow as it sounds.
        """
        scores = {scorer.name: scorer.score_library(conversation) for scorer in self.recallers}
        if self.scorers:
            stickers = list(self.library.stickers)
            scores |= {scorer.name: scorer.score(conversation, stickers) for scorer in self.scorers}
        return {**scores, FUSED: self._fuse(conversation, scores)}

    def expected(self, conversation: Conversation | str | Sequence[str]) -> dict[str, dict[str, float]]:
        """What a trained ranker expects of the answer, by kind: ``{"emotion": {"happiness": 0.7, ...}}``.

        Probabilities of each kind add to 1. Empty without a ranker that tells.
        """
        for scorer in (*self.recallers, *self.scorers):
            if isinstance(scorer, DenseRankerScorer | RankerScorer) and isinstance(scorer.ranker, Expecting):
                return scorer.ranker.expected(as_conversation(conversation))
        return {}

    @property
    def stickers(self) -> Sequence[Sticker]:
        """All stickers, in the row order of `score_library`."""
        return self.library.stickers

    def _fuse(self, conversation: Conversation, scores: Mapping[str, Scores]) -> Scores:
        weights = {name: (self.weights or {}).get(name, 1.0) for name in scores}
        for scorer in (*self.recallers, *self.scorers):
            if isinstance(scorer, Doubting):
                weights[scorer.name] *= scorer.confidence(conversation)
        return fuse(scores, self.fusion, weights=weights, **self.fusion_options)

    def _check_k(self, k: int, allowed: NDArray[np.bool_] | None) -> None:
        if not isinstance(k, int) or isinstance(k, bool) or k < 1:
            raise InputError(f"k is {k!r}; expected a whole number, 1 or more")
        available = len(self.library) if allowed is None else int(allowed.sum())
        if available == 0:
            raise InputError("no sticker passes all the filters together; leave one of them out")
        if k > available:
            which = "the library has" if allowed is None else "the filters leave"
            raise InputError(f"k is {k}, but {which} only {available} stickers; ask for at most {available}")


def as_conversation(value: Conversation | str | Sequence[str]) -> Conversation:
    """What a caller may give as a conversation, as one.

    Raises:
        ConversationError: no text.
        InputError: something else than text.
    """
    if isinstance(value, Conversation):
        return value
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list | tuple) or not all(isinstance(text, str) for text in texts):
        raise InputError(f"got {type(value).__name__}; expected a Conversation, a text or a list of texts")
    return Conversation.from_texts(*texts)


def embedding_names(library: Library) -> list[str]:
    """The scorer name of each of the library's encoders: ``embedding``, or ``embedding:NAME`` if several."""
    specs = library.manifest.encoders
    return ["embedding"] if len(specs) == 1 else [f"embedding:{spec.name}" for spec in specs]


def recaller_names(library: Library) -> list[str]:
    """The recallers a library supports by itself."""
    return [*embedding_names(library), "lexical"]


def _scorers(
    library: Library, use: Sequence[str], history: int, device: str, ranker: str | Path | None
) -> tuple[list[Recaller], list[Scorer]]:
    """The recallers wanted, and the ranker where it is too slow to be one."""
    trained = _ranker(library, ranker, device)
    there = [*recaller_names(library), *([] if trained is None else [trained.name])]
    wanted = _chosen(use, there, library)
    recallers: list[Recaller] = []
    for name, spec in zip(embedding_names(library), library.manifest.encoders, strict=True):
        if name in wanted:
            encoder = load_encoder(spec.name, device=device)
            recallers.append(EmbeddingScorer(library, encoder, name, history))
    if "lexical" in wanted:
        recallers.append(library.lexical(history))
    if trained is None or trained.name not in wanted:
        return recallers, []
    if isinstance(trained, DenseRankerScorer):
        return [*recallers, trained], []
    return recallers, [trained]


def _ranker(
    library: Library, ranker: str | Path | None, device: str
) -> RankerScorer | DenseRankerScorer | None:
    """The trained scorer, with the vectors of the library where its text tower made them."""
    if ranker is None or (
        ranker == "auto" and not any(s.name == "starter" for s in library.manifest.encoders)
    ):
        return None
    opened = load_ranker(STARTER if ranker == "auto" else ranker, device)
    same = [spec for spec in library.manifest.encoders if spec.model_id == opened.model_id]
    return ranker_scorer(library, opened, library.vectors(same[0]) if same else None)


def _chosen(use: Sequence[str], there: Sequence[str], library: Library) -> set[str]:
    unknown = [name for name in use if name not in there]
    if unknown:
        raise InputError(f"{library.paths.root} has no scorer {unknown[0]!r}; it has {', '.join(there)}")
    return set(use or there)
