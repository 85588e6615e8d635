"""The chain from a conversation to picks."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from tiny_library import TinyPack, Trigrams

from retriever.chain import StickerRetriever, as_conversation
from retriever.encoders import registry
from retriever.encoders.base import EncoderSpec
from retriever.errors import ConversationError, InputError, LibraryNotFound, ManifestMismatch
from retriever.fusion import fuse
from retriever.indexing import index_pack
from retriever.recall import best_rows
from retriever.scorers.base import Scores
from retriever.scorers.of_library import embedding_names, recaller_names
from retriever.store.library import Library
from retriever.types import Conversation, Pick, Sticker


@pytest.fixture
def library(root: Path, make_pack: Callable[..., TinyPack]) -> Path:
    """Sixty stickers of six packs, with two encoders."""
    index_pack(root, make_pack(60).folder, encoders=["tiny-text", "tiny-image"])
    return root


def ids(picks: Sequence[Pick]) -> list[str]:
    return [pick.sticker.id for pick in picks]


def test_both_languages_find_the_sticker(library: Path) -> None:
    retriever = StickerRetriever.open(library, use=["embedding:tiny-text", "lexical"])
    assert ids(retriever.pick("难过的青蛙", k=1)) == ids(retriever.pick("sad frog", k=1)) == ["tiny/0041"]


def test_picks_carry_every_scorers_score(library: Path) -> None:
    retriever = StickerRetriever.open(library)
    picks = retriever.pick(["hello", "good night bear"], k=5)
    assert [pick.rank for pick in picks] == [1, 2, 3, 4, 5]
    assert [pick.score for pick in picks] == sorted((pick.score for pick in picks), reverse=True)
    conversation = Conversation.from_texts("hello", "good night bear")
    for pick in picks:
        row = retriever.library.stickers.row_of(pick.sticker.id)
        for scorer in retriever.recallers:
            assert pick.scores[scorer.name] == scorer.score_library(conversation)[row]


def test_with_everybody_recalled_a_pick_is_brute_force(library: Path) -> None:
    retriever = StickerRetriever.open(library, recall_size=60)
    talk = Conversation.from_texts("thank you rabbit")
    scores = {scorer.name: scorer.score_library(talk) for scorer in retriever.recallers}
    fused = fuse(scores)
    assert np.array_equal(retriever.score_library(talk)["fused"], fused)
    expected = [retriever.stickers[int(row)].id for row in best_rows(fused, 60)]
    assert ids(retriever.pick(talk, k=60)) == expected


def test_the_same_answer_every_time(library: Path) -> None:
    first = StickerRetriever.open(library).pick("angry dog", k=10)
    again = StickerRetriever.open(library)
    again.pick("something else")
    assert again.pick("angry dog", k=10) == first


def test_ties_go_by_id(root: Path, make_pack: Callable[..., TinyPack]) -> None:
    pack = make_pack(0)
    for number in (9, 3, 21, 7, 14, 30, 2):
        pack.add(number, seed=1, name={"en": "the same"}, keywords={})
    pack.add(99)
    pack.write()
    index_pack(root, pack.folder, encoders=["tiny-text", "tiny-image"])
    for recall in ("exact", "hnsw"):
        retriever = StickerRetriever.open(root, recall=recall)
        assert ids(retriever.pick("the same", k=3)) == ["tiny/0002", "tiny/0003", "tiny/0007"]


def test_the_graph_gives_the_exact_picks_here(library: Path) -> None:
    exact = StickerRetriever.open(library, recall_size=20)
    graph = StickerRetriever.open(library, recall="hnsw", recall_size=20)
    for text in ("sad frog", "难过的猫", "happy penguin", "dinner time"):
        assert graph.pick(text, k=3) == exact.pick(text, k=3)


def test_filters(library: Path) -> None:
    for recall in ("exact", "hnsw"):
        retriever = StickerRetriever.open(library, recall=recall, recall_size=5)
        picks = retriever.pick("sad", k=10, packs=["tiny-frog"])
        assert sorted(ids(picks)) == [f"tiny/00{number}" for number in range(40, 50)]
        picks = retriever.pick("sad", k=2, packs=["tiny-frog", "tiny-cat"], intentions=["fear"])
        assert sorted(ids(picks)) == ["tiny/0003", "tiny/0043"]
        assert ids(retriever.pick("sad", k=1, tags=["dog"], emotions=["happiness"])) == ["tiny/0010"]


def test_k_and_filters_out_of_range(library: Path) -> None:
    retriever = StickerRetriever.open(library)
    for k in (0, -1, 2.0, "3", True, None):
        with pytest.raises(InputError, match="expected a whole number, 1 or more"):
            retriever.pick("sad", k=k)  # type: ignore[arg-type]
    assert len(retriever.pick("sad", k=60)) == 60
    with pytest.raises(InputError, match="the library has only 60 stickers; ask for at most 60"):
        retriever.pick("sad", k=61)
    with pytest.raises(InputError, match="the filters leave only 10"):
        retriever.pick("sad", k=11, packs=["tiny-frog"])
    with pytest.raises(InputError, match="no sticker passes all the filters"):
        retriever.pick("sad", packs=["tiny-frog"], tags=["dog"])
    with pytest.raises(InputError, match="'tiny-forg'; did you mean 'tiny-frog'"):
        retriever.pick("sad", packs=["tiny-forg"])


def test_what_is_no_conversation(library: Path) -> None:
    retriever = StickerRetriever.open(library)
    for nothing in ("", "  \n", [], ["", " "]):
        with pytest.raises(ConversationError, match="no text"):
            retriever.pick(nothing)
    for wrong in (3, None, [1], {"a": "b"}):
        with pytest.raises(InputError, match="expected a Conversation"):
            retriever.pick(wrong)  # type: ignore[arg-type]


def test_as_conversation() -> None:
    talk = Conversation.from_texts("a", "b", mode="supplement")
    assert as_conversation(talk) is talk
    assert as_conversation("a") == Conversation.from_texts("a")
    assert as_conversation(("a", "b")) == Conversation.from_texts("a", "b")


class Longest:
    """Another scorer: likes long ids."""

    name = "longest"

    def score(self, conversation: Conversation, stickers: Sequence[Sticker]) -> Scores:
        return np.array([float(sticker.id[-4:]) for sticker in stickers])


def test_more_scorers_and_weights(library: Path) -> None:
    retriever = StickerRetriever.open(
        library, scorers=[Longest()], weights={"longest": 50.0, "lexical": 0.0}, recall_size=60
    )
    assert ids(retriever.pick("sad", k=2)) == ["tiny/0059", "tiny/0058"]
    scores = retriever.score_library(Conversation.from_texts("sad"))
    assert scores["longest"].tolist() == list(range(60))
    assert set(scores) == {"embedding:tiny-text", "embedding:tiny-image", "lexical", "longest", "fused"}


def test_where_nobody_says_the_ranker_counts_twice(library: Path) -> None:
    """Scores on [0, 1], added; a weight that is given takes the place of the default, for it alone."""
    ranker = Longest()
    ranker.name = "ranker"
    talk = Conversation.from_texts("sad frog")

    def fused(**options: object) -> tuple[dict[str, Scores], Scores]:
        retriever = StickerRetriever.open(library, use=["lexical"], scorers=[ranker], **options)  # type: ignore[arg-type]
        scores = retriever.score_library(talk)
        at_once = retriever.pick(talk, k=1)[0]
        assert sum(at_once.parts.values()) == pytest.approx(at_once.score)
        return scores, scores.pop("fused")

    scores, found = fused()
    lexical, places = scores["lexical"], scores["ranker"]
    assert lexical.max() > lexical.min()
    on_one_scale = (lexical - lexical.min()) / (lexical.max() - lexical.min())
    assert found == pytest.approx(on_one_scale + 2 * places / 59)
    assert fused(weights={"lexical": 3.0})[1] == pytest.approx(3 * on_one_scale + 2 * places / 59)
    assert fused(weights={"ranker": 1.0})[1] == pytest.approx(on_one_scale + places / 59)
    assert fused(fusion="rrf", weights={"lexical": 0})[1] == pytest.approx(2 / (60 + 60 - places))


def test_names_of_recallers(root: Path, pack: TinyPack, tmp_path: Path) -> None:
    for number, (encoders, expected) in enumerate((
        ([], ["lexical"]),
        (["tiny-text"], ["embedding", "lexical"]),
        (["tiny-text", "tiny-image"], ["embedding:tiny-text", "embedding:tiny-image", "lexical"]),
    )):  # fmt: skip
        index_pack(tmp_path / str(number), pack.folder, encoders=encoders)
        library = Library.open(tmp_path / str(number))
        assert recaller_names(library) == expected
        assert embedding_names(library) == expected[:-1]
        retriever = StickerRetriever.open(tmp_path / str(number))
        assert [scorer.name for scorer in retriever.recallers] == expected
        assert len(retriever.pick("sad cat")) == 3


def test_use(library: Path) -> None:
    retriever = StickerRetriever.open(library, use=["lexical"])
    assert list(retriever.pick("sad", k=1)[0].scores) == ["lexical"]
    with pytest.raises(InputError, match=r"no scorer 'embedding'; it has embedding:tiny-text, .*, lexical"):
        StickerRetriever.open(library, use=["embedding"])


def test_bad_settings_are_told_at_once(library: Path) -> None:
    for options in (
        {"fusion": "magic"},
        {"recall": "fast"},
        {"recall_size": 0},
        {"weights": {"nobody": 1.0}},
    ):
        with pytest.raises(InputError):
            StickerRetriever.open(library, **options)
    with pytest.raises(InputError, match="different names"):
        StickerRetriever.open(library, scorers=[Longest(), Longest()])
    with pytest.raises(InputError, match="at least one recaller"):
        StickerRetriever(Library.open(library), [])


def test_wrong_order_says_what_to_do(root: Path) -> None:
    with pytest.raises(LibraryNotFound, match=f"sticker index PACK --library {root}"):
        StickerRetriever.open(root)


def test_another_model_under_the_same_name(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def other(request: registry.LoadRequest) -> Trigrams:
        encoder = Trigrams(request.name, 64, "document")
        encoder.spec = EncoderSpec(request.name, "tiny-text@2", 64, "document")
        return encoder

    monkeypatch.setitem(registry._LOADERS, "tiny-text", other)
    with pytest.raises(ManifestMismatch, match="--reencode"):
        StickerRetriever.open(library)


def test_stickers_are_the_rows_of_scores(library: Path) -> None:
    retriever = StickerRetriever.open(library)
    assert len(retriever.stickers) == 60
    scores = retriever.score_library(Conversation.from_texts("sad"))
    assert all(values.shape == (60,) for values in scores.values())
    assert json.dumps({name: values.tolist() for name, values in scores.items()})
