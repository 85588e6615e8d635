"""Hashed n-grams: stable over time, apart by mode and speaker, and never empty."""

import json
from itertools import pairwise
from pathlib import Path
from shutil import copytree
from zlib import crc32

import pytest

from retriever.checkpoints import CONFIG, STARTER
from retriever.errors import ModelError
from retriever.rankers import load_ranker
from retriever.rankers.dual.features import balance, kind_starts, ngrams
from retriever.types import Conversation, Utterance

BUCKETS = 1 << 16


def grams(*texts: str, mode: str = "reply") -> set[int]:
    return set(ngrams(Conversation.from_texts(*texts, mode=mode), BUCKETS).tolist())  # type: ignore[arg-type]


def test_numbers_never_change() -> None:
    """Weights that ship are addressed by these numbers."""
    words, pairs = ("mode r", "script h", "w好", "w的", "w真", "w棒"), ("b好 的", "b的 真", "b真 棒")
    expected = [crc32(word.encode()) % (BUCKETS // 4) for word in words]
    expected += [BUCKETS // 4 + crc32(pair.encode()) % (BUCKETS * 3 // 8) for pair in pairs]
    expected += [
        BUCKETS * 5 // 8 + crc32(run.encode()) % (BUCKETS * 3 // 8)
        for run in ("h好的真", "h的真棒", "h好的真棒")
    ]
    assert ngrams(Conversation.from_texts("好的真棒"), BUCKETS).tolist() == sorted(expected)


def test_every_kind_counts_a_third_however_many_it_has() -> None:
    found = ngrams(Conversation.from_texts("what a wonderful day"), BUCKETS)
    squares = balance(found, BUCKETS) ** 2
    starts = kind_starts(BUCKETS)
    assert starts.tolist() == [0, BUCKETS // 4, BUCKETS * 5 // 8]
    kinds = [squares[(found >= low) & (found < high)] for low, high in pairwise([*starts, BUCKETS])]
    assert [len(kind) for kind in kinds[:2]] == [6, 3] and len(kinds[2]) > 20
    assert [kind.sum() for kind in kinds] == pytest.approx([1 / 3] * 3)
    alone = ngrams(Conversation.from_texts("!"), BUCKETS)  # no pairs
    assert (balance(alone, BUCKETS) ** 2).sum() == pytest.approx(2 / 3)


def test_sorted_distinct_and_in_range() -> None:
    found = ngrams(Conversation.from_texts("no no no!", "哈哈哈哈"), 50)
    assert found.tolist() == sorted(set(found.tolist()))
    assert 0 <= found.min() <= found.max() < 50


def test_the_mode_counts_and_shared_features_stay() -> None:
    reply, supplement = grams("so happy"), grams("so happy", mode="supplement")
    assert reply != supplement
    assert reply & supplement


def test_who_said_it_counts_for_older_utterances() -> None:
    last = Utterance("B", "ok")
    mine = Conversation((Utterance("A", "great"), last), reply_speaker="A")
    theirs = Conversation((Utterance("B", "great"), last), reply_speaker="A")
    assert set(ngrams(mine, BUCKETS)) != set(ngrams(theirs, BUCKETS))


def test_only_the_last_utterance_has_pairs_and_characters() -> None:
    alone = grams("abcd efgh")
    older = grams("abcd efgh", "ok")
    assert len(older - grams("ok")) < len(alone) / 3


def test_odd_texts() -> None:
    for text in ("!", "…", "é" * 5000, "a" * 100_000, "\u200d", "😂"):
        assert len(grams(text)) >= 1
    assert len(grams("a" * 100_000)) < 20_000


def test_a_checkpoint_that_counts_them_in_another_way_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "older"
    copytree(STARTER, folder)
    config = json.loads((folder / CONFIG).read_text())
    del config["ngrams"]
    (folder / CONFIG).write_text(json.dumps(config))
    with pytest.raises(ModelError, match=r"counts n-grams in another way .None, .* train it again"):
        load_ranker(folder)
