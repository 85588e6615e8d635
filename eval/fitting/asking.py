"""What every scorer says about a block of conversations, as arrays, and back."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.datasets import Sample
from eval.fitting.shards import Arrays
from retriever.chain import StickerRetriever
from retriever.fusion.traits import traits
from retriever.scorers.base import ReadsAhead, Scorer, Scores, Waiting
from retriever.types import Conversation, Sticker

__all__ = ["Answers", "ask", "starts_with", "unpacked"]

_BATCH = 64
_WAITING = 16
"""Conversations that a scorer which waits for a server is asked about at once."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Answers:
    """What was said about one conversation; see `eval.fitting.scored.Query`."""

    candidates: Floats
    rows: NDArray[np.int64]
    recalled: NDArray[np.float32]
    confidence: Floats
    traits: Floats


def ask(
    retriever: StickerRetriever,
    block: Sequence[Sample],
    names: Sequence[str],
    picks: bool,
    advance: Callable[[int], None],
) -> Arrays:
    """One shard: the answers about a block."""
    scorers = {scorer.name: scorer for scorer in (*retriever.recallers, *retriever.scorers)}
    parts: dict[str, list[Any]] = {name: [] for name in ("near", "rows", "far", "confidence", "traits")}
    n_near, n_far = [], []
    for start in range(0, len(block), _BATCH):
        batch = block[start : start + _BATCH]
        for scorer in scorers.values():
            if isinstance(scorer, ReadsAhead):
                scorer.prepare([sample.conversation for sample in batch])
        lists = [(sample.conversation, _known(retriever, sample)) for sample in batch]
        near_by = {name: _about(scorers[name], lists) for name in names}
        for at, (talk, known) in enumerate(lists):
            near = [near_by[name][at] for name in names]
            rows, said = retriever.recalled(talk) if picks else (np.zeros(0, dtype=np.intp), {})
            far = [said[name] if picks else np.zeros(0) for name in names]
            doubts = retriever.confidence(talk)
            parts["near"].append(np.stack(near, axis=1))
            parts["rows"].append(rows)
            parts["far"].append(np.stack(far, axis=1))
            parts["confidence"].append([doubts[name] for name in names])
            parts["traits"].append(traits(talk))
            n_near.append(len(known))
            n_far.append(len(rows))
        advance(len(batch))
    return {
        "ids": np.array([sample.conversation.id for sample in block], dtype=np.str_),
        "n_near": np.array(n_near, dtype=np.int64),
        "near": np.concatenate(parts["near"]).astype(np.float64),
        "n_far": np.array(n_far, dtype=np.int64),
        "rows": np.concatenate(parts["rows"]).astype(np.int64),
        "far": np.concatenate(parts["far"]).astype(np.float32),
        "confidence": np.array(parts["confidence"], dtype=np.float64),
        "traits": np.stack(parts["traits"]).astype(np.float64),
    }


def starts_with(arrays: Arrays, block: Sequence[Sample]) -> bool:
    """Whether a shard is about these conversations: a last block may have been cut short by a limit."""
    ids = [sample.conversation.id for sample in block]
    return bool(arrays["ids"][: len(ids)].tolist() == ids)


def unpacked(arrays: Arrays) -> Iterator[Answers]:
    near, far = np.cumsum(arrays["n_near"]), np.cumsum(arrays["n_far"])
    for at in range(len(arrays["ids"])):
        a, b = near[at] - arrays["n_near"][at], near[at]
        c, d = far[at] - arrays["n_far"][at], far[at]
        yield Answers(
            arrays["near"][a:b],
            arrays["rows"][c:d],
            arrays["far"][c:d],
            arrays["confidence"][at],
            arrays["traits"][at],
        )


def _known(retriever: StickerRetriever, sample: Sample) -> list[Sticker]:
    """The row's candidates; none where the library lacks one, which makes it no list that can be judged."""
    rows = [retriever.library.stickers.row_of(candidate) for candidate in sample.candidates or ()]
    known = [retriever.stickers[row] for row in rows if row is not None]
    return known if len(known) == len(rows) else []


def _about(scorer: Scorer, lists: Sequence[tuple[Conversation, list[Sticker]]]) -> list[Scores]:
    """A scorer's scores of each list; several at once, where it waits for a server."""

    def one(asked: tuple[Conversation, list[Sticker]]) -> Scores:
        return np.asarray(scorer.score(*asked)) if asked[1] else np.zeros(0)

    if not isinstance(scorer, Waiting):
        return [one(asked) for asked in lists]
    with ThreadPoolExecutor(_WAITING) as threads:
        return list(threads.map(one, lists))
