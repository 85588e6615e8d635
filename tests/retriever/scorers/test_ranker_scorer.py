"""The ranker scorer over a library: dense or not, cached, the same however it is asked."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from retriever.chain import StickerRetriever
from retriever.checkpoints import STARTER
from retriever.errors import InputError, ModelError
from retriever.indexing import index_pack
from retriever.rankers import load_ranker
from retriever.rankers.base import StickerFeatures
from retriever.rankers.cache import FeatureCache, feature_key
from retriever.scorers.base import Scores
from retriever.scorers.ranker import DenseRankerScorer, RankerScorer, ranker_scorer
from retriever.starter import STARTER_PACK
from retriever.store.library import Library
from retriever.types import Conversation, Sticker

TALK = Conversation.from_texts("I failed the exam", "Oh no, I am so sorry")


class ByName:
    """A ranker of the slow kind: counts how often it is asked for the sticker side."""

    family = "by-name"
    model_id = "by-name@1"

    def __init__(self) -> None:
        self.encoded: list[str] = []

    def encode_stickers(self, stickers: Sequence[Sticker]) -> StickerFeatures:
        self.encoded += [sticker.id for sticker in stickers]
        return {"length": np.array([[len(sticker.label)] for sticker in stickers], np.float32)}

    def score(self, conversation: Conversation, features: StickerFeatures) -> Scores:
        return np.asarray(features["length"][:, 0] * len(conversation.utterances), np.float64)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    root = tmp_path_factory.mktemp("ranked") / "library"
    index_pack(root, STARTER_PACK, encoders=["starter"], show_progress=False)
    return Library.open(root)


def test_the_starter_ranker_comes_with_its_encoder(library: Library) -> None:
    retriever = StickerRetriever.open(library.paths.root)
    assert [scorer.name for scorer in retriever.recallers] == ["embedding", "lexical", "ranker"]
    picks = retriever.pick(TALK, 5)
    assert set(picks[0].scores) == {"embedding", "lexical", "ranker"}


def test_a_library_is_scored_as_its_candidates_are(library: Library) -> None:
    ranker = load_ranker(STARTER)
    vectors = library.vectors(library.manifest.encoders[0])
    scorer = ranker_scorer(library, ranker, vectors)
    assert isinstance(scorer, DenseRankerScorer)
    everything = scorer.score_library(TALK)
    some = [library.stickers[row] for row in (100, 3, 57)]
    np.testing.assert_array_equal(scorer.score(TALK, some), everything[[100, 3, 57]])


def test_vectors_of_the_library_are_those_the_ranker_would_make(library: Library) -> None:
    ranker = load_ranker(STARTER)
    with_vectors = ranker_scorer(library, ranker, library.vectors(library.manifest.encoders[0]))
    by_itself = ranker_scorer(library, ranker)
    assert isinstance(with_vectors, DenseRankerScorer) and isinstance(by_itself, DenseRankerScorer)
    np.testing.assert_allclose(with_vectors.score_library(TALK), by_itself.score_library(TALK), atol=1e-4)


def test_the_sticker_side_is_computed_once(library: Library) -> None:
    ranker = ByName()
    scorer = ranker_scorer(library, ranker)
    assert isinstance(scorer, RankerScorer)
    some = [library.stickers[row] for row in (5, 1, 9)]
    scores = scorer.score(TALK, some)
    assert scores.tolist() == [2.0 * len(sticker.label) for sticker in some]
    assert ranker.encoded == [sticker.id for sticker in some]
    again = RankerScorer(library, ranker)  # another process, as far as the cache knows
    np.testing.assert_array_equal(again.score(TALK, some[::-1]), scores[::-1])
    assert len(ranker.encoded) == 3
    assert again.score(TALK, []).shape == (0,)


def test_a_torn_shard_is_computed_again(library: Library, tmp_path: Path) -> None:
    stickers = [library.stickers[row] for row in range(4)]
    ranker = ByName()
    FeatureCache(ranker, tmp_path)(stickers)
    (shard,) = (tmp_path / "by-name-1").glob("*.safetensors")
    shard.write_bytes(shard.read_bytes()[:50])
    features = FeatureCache(ranker, tmp_path)(stickers)
    assert features["length"][:, 0].tolist() == [len(sticker.label) for sticker in stickers]
    assert len(ranker.encoded) == 8


def test_the_key_is_what_a_ranker_may_read() -> None:
    from dataclasses import replace

    sticker = Sticker("a/1", "a", "00", "/x.png", name={"en": "hi"}, emotion="fear")
    same = replace(sticker, id="b/2", pack="b", path="/y.png", license="MIT")
    assert feature_key(sticker) == feature_key(same)
    for change in ({"sha256": "01"}, {"emotion": None}, {"name": {"en": "ho"}}, {"description": "d"}):
        assert feature_key(replace(sticker, **change)) != feature_key(sticker)  # type: ignore[arg-type]


def test_rankers_can_be_chosen_and_left_out(library: Library, tmp_path: Path) -> None:
    root = library.paths.root
    without = StickerRetriever.open(root, ranker=None)
    assert [scorer.name for scorer in without.recallers] == ["embedding", "lexical"]
    assert without.expected(TALK) == {}
    alone = StickerRetriever.open(root, use=["ranker"])
    assert [scorer.name for scorer in alone.recallers] == ["ranker"]
    with pytest.raises(InputError, match="no scorer 'ranker'"):
        StickerRetriever.open(root, use=["ranker"], ranker=None)
    with pytest.raises(ModelError, match="there is no checkpoint"):
        StickerRetriever.open(root, ranker=tmp_path / "none")


def test_what_is_expected_adds_up(library: Library) -> None:
    expected = StickerRetriever.open(library.paths.root).expected(TALK)
    assert set(expected) == {"emotion", "intention"}
    assert {kind: len(shares) for kind, shares in expected.items()} == {"emotion": 7, "intention": 28}
    for shares in expected.values():
        assert sum(shares.values()) == pytest.approx(1, abs=1e-5)


def test_twins_score_the_same(library: Library) -> None:
    ranker = load_ranker(STARTER)
    sticker = library.stickers[7]
    features = ranker.encode_stickers([sticker, library.stickers[8], sticker])
    scores = ranker.score(TALK, features)
    assert scores[0] == scores[2] != scores[1]


def test_one_and_many_are_scored_alike(library: Library) -> None:
    ranker = load_ranker(STARTER)
    stickers = [library.stickers[row] for row in range(12)]
    together = ranker.score(TALK, ranker.encode_stickers(stickers))
    alone = [ranker.score(TALK, ranker.encode_stickers([sticker]))[0] for sticker in stickers]
    np.testing.assert_allclose(together, alone, atol=1e-4)
