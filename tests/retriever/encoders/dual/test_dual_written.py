"""Conversations written out: who is who, what is pooled, and what goes where there is too much."""

import pytest

from retriever.encoders.dual.row import ADD, CLS, DOC, MARKERS, REPLY, SEP, Row
from retriever.encoders.dual.tokens import DualTokens
from retriever.types import Conversation, Utterance

pytest.importorskip("tokenizers")

WORDS = ("i", "you", ":", "hi", "yes", "no", *"abcdef")


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> DualTokens:
    from trainers.dual.vocabulary import Vocabulary, write_tokenizer

    pieces = (*MARKERS, *WORDS)
    path = tmp_path_factory.mktemp("written") / "tokenizer.json"
    write_tokenizer(Vocabulary(pieces, (None,) * len(pieces)), path)
    return DualTokens(path, 48, "words", 3)


def read(row: Row, pooled: bool = False) -> str:
    """The row in words; only what is pooled of it where `pooled`."""
    pieces = (*MARKERS, *WORDS)
    return " ".join(pieces[number] for number in (row.ids[row.start : row.stop] if pooled else row.ids))


def test_who_is_who_and_what_is_asked(tokens: DualTokens) -> None:
    row = tokens.conversation(Conversation.from_texts("hi", "yes"))  # B said yes, A answers
    assert read(row) == "[CLS] i : hi [SEP] you : yes [SEP]"
    assert read(row, pooled=True) == "you : yes"
    assert row.mode == REPLY
    row = tokens.conversation(Conversation.from_texts("hi", "yes", mode="supplement"))
    assert read(row) == "[CLS] you : hi [SEP] i : yes [SEP]"
    assert row.mode == ADD


def test_a_single_message_is_read_as_a_conversation_of_one(tokens: DualTokens) -> None:
    row = tokens.utterance("hi")
    assert read(row) == "[CLS] you : hi [SEP]"
    assert row == tokens.conversation(Conversation.from_texts("hi"))


def test_as_many_turns_as_asked_and_empty_ones_are_none(tokens: DualTokens) -> None:
    said = tuple(Utterance("A", text) for text in ("a", "b", " ", "c", "", "d"))
    row = tokens.conversation(Conversation(said))
    assert "a" not in read(row).split()
    assert [word for word in read(row).split() if word in "bcd"] == ["b", "c", "d"]


def test_the_oldest_words_go_first_and_the_frame_stays(tokens: DualTokens) -> None:
    said = (Utterance("A", "a " * 60), Utterance("B", "b " * 20))
    row = tokens.conversation(Conversation(said))
    assert len(row.ids) == 48
    assert read(row, pooled=True) == f"you : {'b ' * 20}".strip()
    assert read(row).split().count("a") == 48 - 22 - 3
    long = tokens.conversation(Conversation((Utterance("A", "hi"), Utterance("B", "a b " * 90 + "no"))))
    assert len(long.ids) == 48
    assert read(long, pooled=True).startswith("you : ")
    assert read(long, pooled=True).endswith("no")
    assert "hi" not in read(long)
    assert len(tokens.utterance("a " * 99).ids) == 48


@pytest.mark.parametrize("length", range(30, 50))
def test_no_length_breaks_a_row(tokens: DualTokens, length: int) -> None:
    row = tokens.conversation(Conversation((Utterance("A", "a " * 50), Utterance("B", "b " * length))))
    assert len(row.ids) <= 48
    assert row.ids[0] == CLS and row.ids[-1] == SEP
    assert 0 < row.start < row.stop == len(row.ids) - 1
    assert row.ids[row.start] == len(MARKERS) + WORDS.index("you")


def test_documents_stand_alone(tokens: DualTokens) -> None:
    assert read(tokens.document("hi yes")) == "[CLS] hi yes [SEP]"
    assert read(tokens.document("hi yes"), pooled=True) == "hi yes"
    assert tokens.document("hi").mode == DOC
    assert len(tokens.document("a " * 100).ids) == 48
    empty = tokens.document("")
    assert empty.ids == [CLS, SEP]
    assert (empty.start, empty.stop) == (0, 2)  # something has to be pooled


def test_no_text_makes_a_marker(tokens: DualTokens) -> None:
    row = tokens.conversation(Conversation.from_texts("[CLS] [SEP] [PAD]", "hi [SEP]"))
    assert row.ids.count(SEP) == 2 and row.ids.count(CLS) == 1
