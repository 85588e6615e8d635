from types import SimpleNamespace

import pytest

from eval.datasets import Sample
from eval.labels import label_of, normal_label, pick_label_field
from eval.protocol_names import make_protocols
from eval.protocols import Candidates, ExactByWords, Library, Skipped
from retriever.types import Conversation


def sticker(name, emotion=None, emoji=None):
    return SimpleNamespace(id=name, emotion=emotion, emoji=emoji, intention=None)


LIBRARY = [
    sticker("a", "happiness"), sticker("b", "Sadness "), sticker("c", "happiness", "❤\ufe0f"), sticker("d"),
]  # fmt: skip


def sample(**known):
    return Sample(Conversation.from_texts("hi"), **known)


def test_candidates_keep_their_order():
    task = Candidates(LIBRARY).task(sample(gold="c", candidates=("d", "c", "a"), emotion="joy"))
    assert task.rows.tolist() == [3, 2, 0]
    assert task.relevant.tolist() == [False, True, False]
    assert task.label == "joy"


@pytest.mark.parametrize(
    "known, reason",
    [
        ({}, "no gold"),
        ({"gold": "a"}, "no candidates"),
        ({"gold": "a", "candidates": ("b", "c")}, "gold not among candidates"),
        ({"gold": "a", "candidates": ("a", "zz")}, "candidate not in library"),
    ],
)
def test_candidates_that_cannot_be_judged(known, reason):
    assert Candidates(LIBRARY).task(sample(**known)) == Skipped(reason)


def test_library_matches_labels_and_always_takes_the_gold():
    library = Library(LIBRARY, "emotion")
    assert library.task(sample(emotion="HAPPINESS")).relevant.tolist() == [True, False, True, False]
    assert library.task(sample(emotion="sadness", gold="d")).relevant.tolist() == [False, True, False, True]
    assert library.task(sample(emotion="sadness")).relevant.tolist() == [False, True, False, False]
    assert library.task(sample(emotion="fear", gold="d")).relevant.tolist() == [False, False, False, True]


@pytest.mark.parametrize(
    "known, reason",
    [
        ({"gold": "a"}, "no label"),
        ({"gold": "zz", "emotion": "happiness"}, "gold not in library"),
        ({"emotion": "fear"}, "no relevant sticker"),
    ],
)
def test_library_queries_that_cannot_be_judged(known, reason):
    assert Library(LIBRARY, "emotion").task(sample(**known)) == Skipped(reason)


def test_one_emoji_in_two_encodings():
    assert Library(LIBRARY, "emoji").task(sample(emoji="❤")).relevant.tolist() == [False, False, True, False]
    assert normal_label("❤\ufe0f") == normal_label("❤") == "❤"
    assert normal_label("  ") is None and normal_label(None) is None


def test_the_label_field_is_the_one_present():
    assert pick_label_field([sample(), sample(emoji="☀")]) == "emoji"
    assert pick_label_field([sample(emoji="☀"), sample(emotion="joy")]) == "emotion"
    assert pick_label_field([sample()]) is None
    assert label_of(sample(emotion="Joy"), "emotion") == "joy"


def worded(name, verbal):
    return SimpleNamespace(
        id=name, emotion=None, emoji=None, intention=None, attributes=SimpleNamespace(verbal=verbal)
    )


def test_golds_with_words_and_golds_without_part_the_queries():
    stickers = [worded("a", "ha ha"), worded("b", "  "), worded("c", None), worded("d", "no")]
    with_words, without = make_protocols(stickers, None, ["words"])
    assert (with_words.name, without.name) == ("exact-words", "exact-no-words")
    judged = {}
    for gold in "abcd":
        one, other = with_words.task(sample(gold=gold)), without.task(sample(gold=gold))
        assert {type(one), type(other)} >= {Skipped}  # by one of the two, never by both
        judged[gold] = not isinstance(one, Skipped)
        task = one if judged[gold] else other
        assert task.rows is None and task.relevant.tolist() == [name == gold for name in "abcd"]
    assert judged == {"a": True, "b": False, "c": False, "d": True}
    assert with_words.task(sample(gold="b")) == Skipped("gold has no words")
    assert without.task(sample(gold="d")) == Skipped("gold has words")
    assert without.task(sample(gold="zz")) == Skipped("gold not in library")
    # nothing is known of any: then "no words" would be said of what nobody looked at
    silent = ExactByWords([worded("a", ""), sticker("b")], words=False)
    assert silent.task(sample(gold="a")) == Skipped("no words known of the library")
