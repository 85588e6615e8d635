"""The embedding scorer against a plain loop, and with twins, threads and strangers."""

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tiny_library import TinyPack, Trigrams, hashed

from retriever.encoders import load_encoder
from retriever.encoders.base import EncoderSpec
from retriever.errors import InputError, ManifestMismatch
from retriever.indexing import index_pack
from retriever.query import query_text
from retriever.scorers import embedding
from retriever.scorers.embedding import EmbeddingScorer
from retriever.store.library import Library
from retriever.types import Conversation, Sticker

SAD = Conversation.from_texts("how are you?", "I am sad 难过")


class Counting(Trigrams):
    """Knows how many questions it was asked."""

    asked = 0

    def encode_queries(self, texts):  # type: ignore[no-untyped-def]
        self.asked += len(texts)
        return super().encode_queries(texts)


@pytest.fixture
def library(root: Path, pack: TinyPack) -> Library:
    index_pack(root, pack.folder, encoders=["tiny-text"])
    return Library.open(root)


def test_cosines_by_hand(library: Library) -> None:
    scorer = EmbeddingScorer(library, load_encoder("tiny-text"))
    query = hashed(query_text(SAD, 3), 64).astype(np.float64)
    matrix = np.asarray(library.vectors(library.manifest.encoders[0]), dtype=np.float64)
    expected = [sum(a * b for a, b in zip(row, query, strict=True)) for row in matrix]
    scores = scorer.score_library(SAD)
    assert scores.dtype == np.float64
    assert np.allclose(scores, expected, atol=1e-6)
    chosen = [library.stickers[8], library.stickers[1], library.stickers[8]]
    assert scorer.score(SAD, chosen).tolist() == scores[[8, 1, 8]].tolist()
    assert scorer.score_rows(SAD, np.array([3])).tolist() == scores[[3]].tolist()
    assert scorer.score(SAD, []).shape == (0,)


def test_twins_have_equal_scores_wherever_they_stand(root: Path, make_pack: Callable[..., TinyPack]) -> None:
    pack = make_pack(0)
    for number in range(37):
        pack.add(number, name={"en": "the same"}, keywords={})
    pack.write()
    index_pack(root, pack.folder, encoders=["tiny-text"])
    library = Library.open(root)
    scorer = EmbeddingScorer(library, load_encoder("tiny-text"))
    scores = scorer.score_library(SAD)
    assert len(np.unique(scores)) == 1
    for rows in ([0], [36, 1, 2], range(5, 33)):
        assert np.unique(scorer.score_rows(SAD, np.array(rows))).tolist() == [scores[0]]


def test_history(library: Library) -> None:
    scorer = EmbeddingScorer(library, load_encoder("tiny-text"), history=1)
    last = Conversation.from_texts("something else", "I am sad 难过")
    assert scorer.score_library(SAD).tolist() == scorer.score_library(last).tolist()


def test_another_encoder_is_refused(library: Library) -> None:
    other = Trigrams("tiny-text", 64, "document")
    other.spec = EncoderSpec("tiny-text", "tiny-text@2", 64, "document")
    with pytest.raises(ManifestMismatch, match=r"made with tiny-text, not with .*tiny-text@2.*--reencode"):
        EmbeddingScorer(library, other)


def test_a_strange_sticker(library: Library) -> None:
    scorer = EmbeddingScorer(library, load_encoder("tiny-text"))
    with pytest.raises(InputError, match="'stranger'"):
        scorer.score(SAD, [Sticker("stranger", "p", "", "")])


def test_a_conversation_is_encoded_once(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding, "REMEMBERED", 3)
    encoder = Counting("tiny-text", 64, "document")
    scorer = EmbeddingScorer(library, encoder)
    talks = [Conversation.from_texts(f"talk {i}") for i in range(6)]
    scorer.score_library(talks[0])
    scorer.score_rows(talks[0], np.array([1]))
    assert encoder.asked == 1
    scorer.prepare([*talks, *talks])
    assert encoder.asked == 4  # as many new ones as are remembered, each once
    for talk in talks:
        assert np.array_equal(scorer.query_vector(talk), hashed(query_text(talk, 3), 64))
    scorer.prepare([])


def test_threads_share_a_scorer(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding, "REMEMBERED", 1)
    scorer = EmbeddingScorer(library, load_encoder("tiny-text"))
    talks = [Conversation.from_texts(f"talk {i}") for i in range(5)]
    expected = {
        talk: EmbeddingScorer(library, load_encoder("tiny-text")).score_library(talk) for talk in talks
    }
    wrong: list[object] = []

    def ask(seed: int) -> None:
        try:
            for i in range(200):
                talk = talks[(i * seed) % 5]
                if not np.array_equal(scorer.score_library(talk), expected[talk]):
                    wrong.append(talk)
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=ask, args=(seed,)) for seed in (1, 2, 3, 4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
