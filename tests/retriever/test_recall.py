"""Recall: exact is brute force, the graph nearly so, ties go by id."""

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tiny_library import TinyPack

from retriever import recall as module
from retriever.encoders import load_encoder
from retriever.errors import InputError, LibraryDamaged
from retriever.indexing import index_pack, rebuild_index
from retriever.recall import Recall, best_rows
from retriever.scorers.embedding import EmbeddingScorer
from retriever.store import chroma
from retriever.store.library import Library
from retriever.types import Conversation

SAD = Conversation.from_texts("a sad frog 难过的青蛙")


@pytest.mark.parametrize(
    ("scores", "k", "expected"),
    [
        ([1, 3, 2], 2, [1, 2]),
        ([1, 3, 2], 3, [1, 2, 0]),
        ([1, 3, 2], 9, [1, 2, 0]),
        ([5, 5, 5, 5], 2, [0, 1]),
        ([1, 7, 5, 5, 5, 9], 4, [5, 1, 2, 3]),
        ([0, -1, -1], 2, [0, 1]),
        ([3], 1, [0]),
        ([], 1, []),
    ],
)
def test_best_rows_by_hand(scores: list[float], k: int, expected: list[int]) -> None:
    assert best_rows(np.array(scores, dtype=float), k).tolist() == expected


def test_best_rows_is_a_stable_sort() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        scores = rng.integers(0, 6, rng.integers(1, 40)).astype(float)
        k = int(rng.integers(1, 45))
        slow = sorted(range(len(scores)), key=lambda row: (-scores[row], row))[:k]
        assert best_rows(scores, k).tolist() == slow


@pytest.fixture
def library(root: Path, make_pack: Callable[..., TinyPack]) -> Library:
    index_pack(root, make_pack(60).folder, encoders=["tiny-text"])
    return Library.open(root)


@pytest.fixture
def scorer(library: Library) -> EmbeddingScorer:
    return EmbeddingScorer(library, load_encoder("tiny-text"))


@pytest.mark.parametrize("size", [1, 5, 59, 60, 200])
def test_exact_is_brute_force(library: Library, scorer: EmbeddingScorer, size: int) -> None:
    scores = scorer.score_library(SAD)
    slow = sorted(sorted(range(60), key=lambda row: (-scores[row], row))[:size])
    found = Recall(library, [scorer], "exact", size)(SAD, 1)
    assert found.rows.tolist() == slow
    assert found.scores["embedding"].tolist() == scores[slow].tolist()


def test_the_union_of_two_recallers(library: Library, scorer: EmbeddingScorer) -> None:
    lexical = library.lexical()
    found = Recall(library, [scorer, lexical], "exact", 4)(SAD, 1)
    expected = {int(row) for each in (scorer, lexical) for row in best_rows(each.score_library(SAD), 4)}
    assert found.rows.tolist() == sorted(expected)
    assert set(found.scores) == {"embedding", "lexical"}


def test_k_widens_the_recall(library: Library, scorer: EmbeddingScorer) -> None:
    assert len(Recall(library, [scorer], "exact", 3)(SAD, 17).rows) == 17


def test_only_the_allowed(library: Library, scorer: EmbeddingScorer) -> None:
    allowed = np.zeros(60, dtype=np.bool_)
    allowed[[3, 8, 50]] = True
    for method in ("exact", "hnsw"):
        found = Recall(library, [scorer], method, 2)(SAD, 3, allowed)
        assert found.rows.tolist() == [3, 8, 50]


def test_a_scorer_that_has_nothing_to_say_names_nobody(library: Library, scorer: EmbeddingScorer) -> None:
    silent = Conversation.from_texts("qqqq")
    lexical = library.lexical()
    assert not lexical.score_library(silent).any()
    both = Recall(library, [scorer, lexical], "exact", 5)(silent, 1)
    assert both.rows.tolist() == sorted(best_rows(scorer.score_library(silent), 5).tolist())
    alone = Recall(library, [lexical], "exact", 5)(silent, 1)
    assert alone.rows.tolist() == [0, 1, 2, 3, 4]


def test_the_graph_against_brute_force(library: Library, scorer: EmbeddingScorer) -> None:
    exact, graph = Recall(library, [scorer], "exact", 10), Recall(library, [scorer], "hnsw", 10)
    hits = 0
    for sticker in library.stickers:
        talk = Conversation.from_texts(sticker.label)
        one, other = exact(talk, 3), graph(talk, 3)
        hits += len(np.intersect1d(one.rows, other.rows))
        assert other.scores["embedding"].tolist() == scorer.score_library(talk)[other.rows].tolist()
    assert hits >= 0.99 * 600


def test_a_graph_that_comes_back_short_is_asked_exactly(
    library: Library, scorer: EmbeddingScorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = Recall(library, [scorer], "hnsw", 5)
    monkeypatch.setattr("retriever.store.chroma.nearest", lambda *_: (["tiny/0003"], [0.0]))
    assert graph(SAD, 1).rows.tolist() == [3]
    assert graph(SAD, 4).rows.tolist() == Recall(library, [scorer], "exact", 5)(SAD, 4).rows.tolist()


def lose_the_graph(library: Library) -> None:
    """Take the library's collection away from all that have it open."""
    with chroma.open_client(library.folder / "chroma") as client:
        client.delete_collection("stickers")


def test_a_graph_that_was_retired_is_left_for_good(
    library: Library, scorer: EmbeddingScorer, caplog: pytest.LogCaptureFixture
) -> None:
    graph = Recall(library, [scorer], "hnsw", 5)
    expected = Recall(library, [scorer], "exact", 5)(SAD, 3)
    rebuild_index(library.paths.root)
    lose_the_graph(library)  # or Chroma would go on with the connections it has, for a while
    rebuild_index(library.paths.root)
    assert library.retired
    with caplog.at_level(logging.WARNING, logger=module.__name__):
        for _ in range(3):
            found = graph(SAD, 3)
            assert found.rows.tolist() == expected.rows.tolist()
            assert found.scores["embedding"].tolist() == expected.scores["embedding"].tolist()
    (said,) = caplog.messages
    assert str(library.paths.root) in said and "open the library again" in said


def test_a_broken_graph_of_an_index_that_is_there_is_told_every_time(
    library: Library, scorer: EmbeddingScorer, caplog: pytest.LogCaptureFixture
) -> None:
    graph = Recall(library, [scorer], "hnsw", 5)
    rebuild_index(library.paths.root)  # the index before is kept, so it is as good as the one in use
    lose_the_graph(library)
    assert not library.retired
    with caplog.at_level(logging.WARNING, logger=module.__name__):
        for _ in range(2):
            with pytest.raises(LibraryDamaged, match=r"does not exist.*open the library again if"):
                graph(SAD, 3)
    assert caplog.messages == []


def test_more_neighbours_than_a_graph_gives_are_found_exactly(
    library: Library, scorer: EmbeddingScorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(Recall(library, [scorer], "hnsw", 60)(SAD, 60).rows) == 60
    monkeypatch.setattr(module, "MOST_NEIGHBOURS", 8)
    assert len(Recall(library, [scorer], "hnsw", 50)(SAD, 1).rows) == 50


def test_bad_settings(library: Library, scorer: EmbeddingScorer) -> None:
    with pytest.raises(InputError, match="'fast'; expected 'exact' or 'hnsw'"):
        Recall(library, [scorer], "fast")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="recall size is 0"):
        Recall(library, [scorer], "exact", 0)
