import random

from retriever.encoders.keep_end import keep_end


def words(limit: int):
    return lambda text: len(text.split()) <= limit


def test_a_text_that_fits_is_left_alone() -> None:
    assert keep_end("one two three", words(3), 3) == "one two three"
    assert keep_end("", words(0), 0) == ""


def test_the_last_words_survive_whole() -> None:
    assert keep_end("one two three four", words(2), 2) == "three four"


def test_characters_are_the_unit_where_there_are_no_spaces() -> None:
    assert keep_end("今天天气真好", lambda text: len(text) <= 3, 3) == "气真好"


def test_a_torn_word_is_dropped_unless_it_is_most_of_the_text() -> None:
    def at_most(limit: int):
        return lambda text: len(text) <= limit

    assert keep_end("abcdef ghij klmn opqr stuv", at_most(22), 22) == "ghij klmn opqr stuv"
    assert keep_end("x" * 50 + " yy", at_most(10), 10) == "xxxxxxx yy"


def test_nothing_fits() -> None:
    assert keep_end("abc", lambda text: not text, 1) == ""


def test_very_long_text_needs_few_looks_at_short_pieces() -> None:
    looked: list[int] = []

    def fits(text: str) -> bool:
        looked.append(len(text))
        return len(text.split()) <= 5

    assert keep_end("word " * 200_000 + "a b c", fits, 5) == "word word a b c"
    assert max(looked) <= 200
    assert len(looked) < 30


def test_whitespace_does_not_hide_what_comes_before_it() -> None:
    assert keep_end("hello" + " " * 5000 + "world", words(3), 3) == "hello" + " " * 5000 + "world"


def test_against_a_slow_reference() -> None:
    rng = random.Random(0)
    for _ in range(300):
        text = "".join(rng.choice("ab  你") for _ in range(rng.randrange(30)))
        limit = rng.randrange(6)

        def fits(part: str, limit: int = limit) -> bool:
            return len(part.split()) <= limit

        got = keep_end(text, fits, 1000)
        longest = next(text[i:] for i in range(len(text) + 1) if fits(text[i:]))
        assert fits(got)
        assert longest.endswith(got)
        assert got.split()[1:] == longest.split()[-len(got.split()) :][1:]
