"""What stock phrases stand for, and what only looks like one."""

import pytest

from retriever.interjections import implied_words
from retriever.query import IMPLIED_WEIGHT, query_tokens
from retriever.types import Conversation


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("Oh my God, he's lost it", "surprised"),
        ("NO WAY", "surprised"),
        ("you’re kidding", "surprised"),
        ("hahaha", "laugh"),
        ("ha ha", "laugh"),
        ("Ewww", "disgust"),
        ("thanks", "thank"),
        ("Woo hoo!", "celebrate"),
    ],
)
def test_a_phrase_brings_its_words(text: str, word: str) -> None:
    assert word in implied_words(text)


@pytest.mark.parametrize(
    "text", ["", "the wowser", "hat", "a few new views", "there are seven", "norway", "thankless"]
)
def test_parts_of_other_words_bring_nothing(text: str) -> None:
    assert implied_words(text) == []


def test_implied_words_weigh_less_than_said_ones_and_fade_with_age() -> None:
    weights = query_tokens(Conversation.from_texts("ewww", "no way"), history=3, decay=0.5)
    assert weights["surprised"] == pytest.approx(IMPLIED_WEIGHT)
    assert weights["disgust"] == pytest.approx(IMPLIED_WEIGHT * 0.5)
    assert query_tokens(Conversation.from_texts("no way, I am surprised"))["surprised"] == 1.0
