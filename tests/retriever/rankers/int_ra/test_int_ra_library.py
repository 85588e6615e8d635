"""Int-RA over a real library: a dense scorer that is told what the journals know."""

from pathlib import Path

import numpy as np
import pytest
from tiny_int_ra_model import KNOWN, talk, tiny_int_ra
from tiny_library import TinyPack

from retriever.conversations import conversation_hash
from retriever.indexing import annotate, index_pack
from retriever.labels import RELATIONS
from retriever.scorers.ranker import DenseRankerScorer, ranker_scorer
from retriever.store.library import Library

TALK = talk("hello there", "so sad today")


@pytest.fixture
def library(root: Path, pack: TinyPack) -> Library:
    index_pack(root, pack.folder, encoders=["tiny-text"])
    relations = {name: list(getattr(KNOWN, name)) for name in RELATIONS}
    first = next(iter(Library.open(root).stickers))
    annotate(
        root,
        descriptions=[{"sha256": first.sha256, "attributes": {"gesture": "waving", "verbal": "joy"}}],
        inferences=[{"conversation": conversation_hash(TALK), "inferences": relations, "intention": None}],
    )
    return Library.open(root)


def test_the_journals_reach_both_sides(library: Library) -> None:
    ranker = tiny_int_ra()
    scorer = ranker_scorer(library, ranker)
    assert isinstance(scorer, DenseRankerScorer)
    scores = scorer.score_library(TALK)
    stickers = list(library.stickers)
    told = talk("hello there", "so sad today", known=KNOWN)
    features = ranker.encode_stickers(stickers)
    assert scores == pytest.approx(ranker.score(told, features), abs=1e-5)
    assert np.abs(scores - ranker.score(TALK, features)).max() > 1e-3
    assert scorer.score(TALK, [stickers[4], stickers[0]]) == pytest.approx(scores[[4, 0]], abs=1e-5)
    maps = ranker.relations(stickers)
    assert np.ptp(maps[0]) > 1e-4 and np.allclose(maps[1:], 1 / 16)


def test_what_a_conversation_brings_stays_and_others_get_nothing(library: Library) -> None:
    for ranker in (tiny_int_ra(), tiny_int_ra(knowledge=False)):
        scorer = ranker_scorer(library, ranker)
        features = ranker.encode_stickers(list(library.stickers))
        for one in (talk("hello there"), talk("hello there", "so sad today", known=KNOWN)):
            assert scorer.score(one, list(library.stickers)) == pytest.approx(
                ranker.score(one, features), abs=1e-5
            )
    unread = ranker.score(TALK, features)  # the last one, which reads no knowledge
    assert scorer.score(TALK, list(library.stickers)) == pytest.approx(unread, abs=1e-5)
