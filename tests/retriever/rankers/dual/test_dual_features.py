"""Hashed n-grams: stable over time, apart by mode and speaker, and never empty."""

from retriever.rankers.dual.features import ngrams
from retriever.types import Conversation, Utterance

BUCKETS = 1 << 16


def grams(*texts: str, mode: str = "reply") -> set[int]:
    return set(ngrams(Conversation.from_texts(*texts, mode=mode), BUCKETS).tolist())  # type: ignore[arg-type]


def test_numbers_never_change() -> None:
    """Weights that ship are addressed by these numbers."""
    assert ngrams(Conversation.from_texts("好"), BUCKETS).tolist() == sorted(
        {
            __import__("zlib").crc32(name.encode()) % BUCKETS
            for name in ("mode r", "script rh", "rw好", "*w好")
        }
    )


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
