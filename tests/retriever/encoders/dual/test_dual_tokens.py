"""How conversations become token rows: markers, limits, and what no text can do."""

from pathlib import Path

import pytest

from retriever.encoders.dual.row import (
    ADD,
    CLS,
    DOC,
    MARKERS,
    ME,
    REPLY,
    SEP,
    UNK,
    YOU,
    Row,
    mode_of,
    pad,
    shortened,
)
from retriever.encoders.dual.spelling import spell_emoji
from retriever.encoders.dual.tokens import DualTokens
from retriever.errors import ModelError
from retriever.types import Conversation, Utterance

tokenizers = pytest.importorskip("tokenizers")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from trainers.dual.vocabulary import Vocabulary, write_tokenizer

    words = [
        "hi",
        "yes",
        "no",
        "face",
        "with",
        "tears",
        "of",
        "joy",
        "[",
        "]",
        "me",
        "你",
        "好",
        *"abcdefghijkl",
    ]
    path = tmp_path_factory.mktemp("tokens") / "tokenizer.json"
    write_tokenizer(Vocabulary((*MARKERS, *words), (None,) * (len(words) + len(MARKERS))), path)
    return path


@pytest.fixture
def tokens(file: Path) -> DualTokens:
    return DualTokens(file, 48)


def ids(tokens: DualTokens, *texts: str) -> list[int]:
    return [number for row in tokens.words(texts) for number in row]


def test_a_reply_and_a_supplement(tokens: DualTokens) -> None:
    hi, yes = ids(tokens, "hi"), ids(tokens, "yes")
    row = tokens.conversation(Conversation.from_texts("hi", "yes"))  # B said yes, A answers
    assert row == ([CLS, REPLY, ME, *hi, YOU, *yes, SEP], 3 + len(hi), len(row.ids), REPLY)
    assert row.ids[row.start : row.stop] == [YOU, *yes, SEP]
    row = tokens.conversation(Conversation.from_texts("hi", "yes", mode="supplement"))
    assert (row.ids, row.mode) == ([CLS, ADD, YOU, *hi, ME, *yes, SEP], ADD)


def test_three_utterances_are_read_and_empty_ones_are_none(tokens: DualTokens) -> None:
    said = tuple(Utterance("A", text) for text in ("a", "b", " ", "c", "", "d"))
    row = tokens.conversation(Conversation(said)).ids
    assert ids(tokens, "a")[0] not in row
    assert [number for number in row if number in ids(tokens, "b", "c", "d")] == ids(tokens, "b", "c", "d")


def test_the_oldest_words_go_first(tokens: DualTokens) -> None:
    said = (Utterance("A", "a " * 60), Utterance("B", "b " * 20))
    row, start, _, _ = tokens.conversation(Conversation(said))
    assert len(row) == 48
    assert row.count(ids(tokens, "b")[0]) == 20
    assert row[start] == YOU
    row, start, _, _ = tokens.conversation(
        Conversation((Utterance("A", "hi"), Utterance("B", "a b " * 900 + "no")))
    )
    assert len(row) == 48
    assert row[-2] == ids(tokens, "no")[0]
    assert start == 2


def test_no_text_makes_a_marker(tokens: DualTokens) -> None:
    row = tokens.conversation(Conversation.from_texts("[ME] [CLS] [SEP] [PAD] [ADD]")).ids
    assert row[:3] == [CLS, REPLY, YOU]
    assert row[-1] == SEP
    assert all(number >= len(MARKERS) or number == UNK for number in row[3:-1])


def test_documents_and_single_messages(tokens: DualTokens) -> None:
    hi = ids(tokens, "hi")
    assert tokens.document("hi") == ([CLS, DOC, *hi, SEP], 0, 3 + len(hi), DOC)
    assert tokens.utterance("hi") == ([CLS, REPLY, YOU, *hi, SEP], 2, 4 + len(hi), REPLY)
    assert len(tokens.document("a " * 100).ids) == 48
    assert tokens.document("") == ([CLS, DOC, SEP], 0, 3, DOC)


def test_emoji_are_spelled(tokens: DualTokens) -> None:
    assert spell_emoji("ok😂") == "ok face with tears of joy "
    assert spell_emoji("❤️") == " heavy black heart "
    assert spell_emoji("👍🏽") == " thumbs up sign "
    assert spell_emoji("你好，世界！ ¿qué? 100€") == "你好，世界！ ¿qué? 100€"
    assert ids(tokens, "😂") == ids(tokens, "face with tears of joy")


def test_padding_weighs_what_is_pooled(tokens: DualTokens) -> None:
    batch = pad([Row([1, 2, 3, 4], 2, 4, REPLY), Row([5, 6, 7], 0, 2, DOC)])
    assert batch.ids.tolist() == [[1, 2, 3, 4], [5, 6, 7, 0]]
    assert batch.mask.tolist() == [[1, 1, 1, 1], [1, 1, 1, 0]]
    assert batch.pool.tolist() == [[0, 0, 0.5, 0.5], [0.5, 0.5, 0, 0]]


def test_what_a_row_is() -> None:
    rows = [Row([1, 2], 0, 2, mode) for mode in (ADD, DOC, REPLY)]
    assert mode_of(rows).tolist() == [[0, 1, 0], [0, 0, 1], [1, 0, 0]]
    assert mode_of([]).shape == (0, 3)


def test_a_document_may_be_shortened() -> None:
    row = Row([CLS, 10, 11, 12, SEP], 1, 4, DOC)
    assert shortened(row, 5) is row
    assert shortened(row, 4) == ([CLS, 10, 11, SEP], 1, 3, DOC)


def test_a_tokenizer_of_something_else(tmp_path: Path) -> None:
    other = tokenizers.Tokenizer(tokenizers.models.WordLevel({"a": 0, "b": 1}, unk_token="a"))
    other.save(str(tmp_path / "t.json"))
    with pytest.raises(ModelError, match="not a dual ranker's tokenizer"):
        DualTokens(tmp_path / "t.json")
    (tmp_path / "u.json").write_text("{")
    with pytest.raises(ModelError, match="cannot be read as a tokenizer"):
        DualTokens(tmp_path / "u.json")


def test_a_reading_there_is_not(file: Path) -> None:
    with pytest.raises(ModelError, match="reading is 'signs', expected one of markers, words"):
        DualTokens(file, 48, "signs")  # type: ignore[arg-type]


def test_a_limit_that_is_too_small(file: Path) -> None:
    with pytest.raises(ModelError, match="max_tokens is 47"):
        DualTokens(file, 47)
