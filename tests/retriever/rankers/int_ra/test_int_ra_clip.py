"""Int-RA over CLIP's kind of text encoder: one text with one end, whose state is what is compared."""

from pathlib import Path

import numpy as np
from tiny_int_ra_model import KNOWN, TEXT, talk, tiny_int_ra, told_stickers

from retriever.rankers.base import take

CLIP = {**TEXT, "kind": "clip", "activation": "quick_gelu"}


def test_a_conversation_and_its_knowledge_are_one_text() -> None:
    ranker = tiny_int_ra(text=CLIP)
    pieces, tokens = ranker.tokens.pieces, ranker.tokens
    _, start, end = pieces.markers
    said, known = pieces.cut(["hello there", "so sad"]), pieces.cut(["to cheer; to grin", "happy"])
    rows = tokens.conversations([talk("hello there", "so sad", known=KNOWN), talk("so sad")])
    whole = [start, *said[0], *said[1], *known[0], *known[1]]
    limit = tokens.config.knowledge_tokens
    kept = [*whole[: len(said[0]) + len(said[1]) + 1], *[*known[0], *known[1]][:limit], end]
    assert rows.ids[0, : len(kept)].tolist() == kept and rows.mask[0].sum() == len(kept)
    assert rows.ids[1, : rows.mask[1].sum()].tolist() == [start, *said[1], end]


def test_what_is_too_long_loses_its_oldest_words_and_keeps_its_end() -> None:
    ranker = tiny_int_ra(text=CLIP)
    rows = ranker.tokens.conversations([talk("hello " * 60, "so sad", known=KNOWN)])
    _, start, end = ranker.tokens.pieces.markers
    ids = rows.ids[0].tolist()
    assert len(ids) == rows.mask[0].sum() == 40 and (ids[0], ids[-1]) == (start, end) and ids.count(end) == 1


def test_scores_are_the_same_alone_and_among_others(tmp_path: Path) -> None:
    ranker = tiny_int_ra(text=CLIP)
    features = ranker.encode_stickers(told_stickers(tmp_path))
    talks = [talk("hello there", known=KNOWN), talk("so sad today", "我 很 开心")]
    together = ranker.cosines(talks, features["vector"])
    for row, one in zip(together, talks, strict=True):
        assert np.allclose(ranker.score(one, features), row, atol=1e-5)
        assert np.allclose(ranker.score(one, take(features, np.array([3, 1]))), row[[3, 1]], atol=1e-5)
    assert np.ptp(together) > 1e-3
