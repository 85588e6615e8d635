import pytest

from retriever.errors import InputError
from retriever.query import STOP_WORDS, query_text, query_tokens, recent_texts
from retriever.types import Conversation, Utterance


def test_last_utterances_newest_last() -> None:
    conversation = Conversation.from_texts("one", "two", "three", "four")
    assert query_text(conversation) == "two\nthree\nfour"
    assert query_text(conversation, history=1) == "four"
    assert query_text(conversation, history=9) == "one\ntwo\nthree\nfour"


def test_empty_utterances_do_not_count() -> None:
    conversation = Conversation(tuple(Utterance("A", text) for text in ("hi  there", "", " \n", "you\ttoo")))
    assert recent_texts(conversation, 2) == ["hi there", "you too"]


def test_both_modes_read_the_same_words() -> None:
    texts = ("good morning", "coffee time")
    reply, supplement = (Conversation.from_texts(*texts, mode=mode) for mode in ("reply", "supplement"))
    assert query_text(reply) == query_text(supplement)
    assert query_tokens(reply) == query_tokens(supplement)


def test_weights_decay_with_age_and_keep_the_largest() -> None:
    conversation = Conversation.from_texts("cake party", "party hat", "hat hat dance")
    assert query_tokens(conversation) == {"hat": 1.0, "dance": 1.0, "party": 0.5, "cake": 0.25}
    assert query_tokens(conversation, decay=1.0) == {"hat": 1.0, "dance": 1.0, "party": 1.0, "cake": 1.0}
    assert query_tokens(conversation, decay=0.0) == {"hat": 1.0, "dance": 1.0}
    assert query_tokens(conversation, history=2) == {"hat": 1.0, "dance": 1.0, "party": 0.5}


def test_stop_words_leave_and_may_leave_nothing() -> None:
    assert query_tokens(Conversation.from_texts("You are the best")) == {"best": 1.0}
    assert query_tokens(Conversation.from_texts("what is it?")) == {}
    assert query_tokens(Conversation.from_texts("你的")) == {}
    assert query_tokens(Conversation.from_texts("the cat"), stop_words=()) == {"the": 1.0, "cat": 1.0}


def test_words_of_refusal_are_no_stop_words() -> None:
    assert {"no", "yes", "不", "没", "好", "爱", "thanks"}.isdisjoint(STOP_WORDS)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("😂", {"😂", "tears", "joy"}),
        ("❤️", {"❤", "heart"}),
        ("🖤", {"🖤", "black", "heart"}),
        ("👍🏿", {"👍", "thumbs", "up"}),
        ("🇨🇳", {"🇨🇳"}),
    ],
)
def test_emoji_bring_their_names(text: str, words: set[str]) -> None:
    assert set(query_tokens(Conversation.from_texts(text))) == words


@pytest.mark.parametrize("history", [0, -1])
def test_history_must_be_positive(history: int) -> None:
    with pytest.raises(InputError, match=f"history is {history}"):
        query_text(Conversation.from_texts("hi"), history)


@pytest.mark.parametrize("decay", [-0.1, 1.1, float("nan")])
def test_decay_is_a_share(decay: float) -> None:
    with pytest.raises(InputError, match="decay is"):
        query_tokens(Conversation.from_texts("hi"), decay=decay)
