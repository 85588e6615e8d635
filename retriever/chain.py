"""The chain: recall candidates, score them, fuse the scores, pick."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from retriever.errors import InputError, LibraryDamaged
from retriever.filters import FilterIndex, Filters
from retriever.fusion import fuse, parts
from retriever.fusion.decision import Decision
from retriever.fusion.default import METHOD, default_weights
from retriever.fusion.file import is_file, load_fusion
from retriever.fusion.fitted import FittedFusion
from retriever.fusion.traits import traits
from retriever.rankers.base import Expecting
from retriever.recall import Recall, RecallMethod, best_rows
from retriever.scorers.base import Doubting, Recaller, Scorer, Scores
from retriever.scorers.identity import identities
from retriever.scorers.of_library import library_scorers, named_rankers, open_scorers
from retriever.scorers.ranker import DenseRankerScorer, RankerScorer
from retriever.store.library import Library
from retriever.types import Conversation, Pick, Sticker

__all__ = ["Answer", "StickerRetriever"]

FUSED = "fused"
"""The name of the fused scores beside the scorers' own."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What was picked, and whether to send it.

    Attributes:
        picks: best first.
        decision: about the first pick; None without a fitted fusion that decides.
    """

    picks: list[Pick]
    decision: Decision | None = None


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
        fusion: a method of `retriever.fusion`, or a fitted fusion (`sticker fuse`), which brings weights and
            options. A scorer of it that is not here is left out and the others keep their weights: `absent`
            names it, a warning is logged, and nothing decides whether to send.
        weights: by scorer name; where not given, 2 for ``ranker`` and 1 for others. A scorer that doubts
            itself (`Doubting`) lowers its own for a conversation, as an English encoder does for Chinese.
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
        fusion: str | FittedFusion = METHOD,
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
        self.fitted: FittedFusion | None = None
        self.absent: tuple[str, ...] = ()
        if isinstance(fusion, FittedFusion):
            if weights or fusion_options:
                raise InputError("a fitted fusion has its own weights and options; leave out those given")
            self.fitted, self.absent = fusion.bound_to(identities((*recallers, *scorers)))
            fusion, weights, fusion_options = self.fitted.method, self.fitted.weights, self.fitted.options
        self.fusion = fusion
        self.weights = dict(weights) if weights else None
        self.fusion_options = dict(fusion_options or {})
        self.recall_size = recall_size
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
        fusion: str | Path | FittedFusion = METHOD,
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
            fusion: a method, a fitted fusion or the file of one (``.toml``). With a fitted one the scorers
                it names are taken where `use` is empty, and so are the rankers it names by their checkpoints.
            history: how many utterances the recallers read.
            device: for encoders that can choose.

        Raises:
            LibraryNotFound, LibraryDamaged, ManifestMismatch: the library cannot be used; says what to do.
            MissingExtra, ModelError: its encoder cannot be loaded here.
            InputError: a name in `use` that this library does not have.
        """
        if isinstance(fusion, Path) or (isinstance(fusion, str) and is_file(fusion)):
            fusion = load_fusion(fusion)
        library = Library.open(path)
        while True:
            try:
                wanted, named = use, []
                if isinstance(fusion, FittedFusion):
                    wanted = use or [n for n in fusion.scorers if n in library_scorers(library, ranker)]
                    named += named_rankers(library, fusion.checkpoints, device)
                recallers, more = open_scorers(library, wanted, history=history, device=device, ranker=ranker)
                recallers += [scorer for scorer in named if isinstance(scorer, DenseRankerScorer)]
                more += [scorer for scorer in named if isinstance(scorer, RankerScorer)]
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
        return self.answer(
            conversation, k, packs=packs, emotions=emotions, intentions=intentions, tags=tags
        ).picks

    def answer(
        self,
        conversation: Conversation | str | Sequence[str],
        k: int = 3,
        *,
        packs: Sequence[str] = (),
        emotions: Sequence[str] = (),
        intentions: Sequence[str] = (),
        tags: Sequence[str] = (),
    ) -> Answer:
        """`pick`, and whether to send the best pick at all, where a fitted fusion tells.

        The probability is calibrated for picks of the whole library; filters that leave few stickers make it
        too high.
        """
        conversation = as_conversation(conversation)
        filters = Filters(packs, emotions, intentions, tags)
        allowed = self._filters.mask(filters) if filters else None
        self._check_k(k, allowed)
        rows, scores = self.recalled(conversation, k, allowed)
        fused = self._fuse(conversation, scores)
        added = parts(scores, self.fusion, weights=self._weights(conversation, scores), **self.fusion_options)
        picks = [
            Pick(
                sticker=self.library.stickers[int(rows[at])],
                rank=rank,
                score=float(fused[at]),
                scores={name: float(values[at]) for name, values in scores.items()},
                parts={name: float(values[at]) for name, values in added.items()},
            )
            for rank, at in enumerate(best_rows(fused, k), start=1)
        ]
        decider = self.fitted.decision if self.fitted else None
        return Answer(picks, decider.decide(fused, traits(conversation)) if decider else None)

    def recalled(
        self, conversation: Conversation, k: int = 3, allowed: NDArray[np.bool_] | None = None
    ) -> tuple[NDArray[np.intp], dict[str, Scores]]:
        """What `pick` chooses among: library rows (m,), ascending, and every scorer's scores of them, (m,).

        Args:
            k: as for `pick`.
            allowed: who may be picked, (n_library,); None allows everybody.
        """
        candidates = self._recall(conversation, k, allowed)
        scores = dict(candidates.scores)
        if self.scorers:
            stickers = [self.library.stickers[int(row)] for row in candidates.rows]
            scores |= {scorer.name: scorer.score(conversation, stickers) for scorer in self.scorers}
        return candidates.rows, scores

    def confidence(self, conversation: Conversation) -> dict[str, float]:
        """How far each scorer is to be trusted with a conversation, by name, in [0, 1]: see `Doubting`."""
        return {
            scorer.name: scorer.confidence(conversation) if isinstance(scorer, Doubting) else 1.0
            for scorer in (*self.recallers, *self.scorers)
        }

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

    def score(self, conversation: Conversation, stickers: Sequence[Sticker]) -> dict[str, Scores]:
        """Every scorer's scores for some stickers, and their fusion among these; each (len(stickers),).

        Raises:
            InputError: a sticker that is not in the library.
        """
        scores = {s.name: s.score(conversation, stickers) for s in (*self.recallers, *self.scorers)}
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
        weights = self._weights(conversation, scores)
        return fuse(scores, self.fusion, weights=weights, **self.fusion_options)

    def _weights(self, conversation: Conversation, names: Collection[str]) -> dict[str, float]:
        if self.fitted:
            given = self.fitted.weights_for(traits(conversation))
        else:
            given = default_weights(names) | (self.weights or {})
        doubts = self.confidence(conversation)
        return {name: given.get(name, 1.0) * doubts[name] for name in names}

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
