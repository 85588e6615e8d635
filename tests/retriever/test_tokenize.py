import logging
import random
import subprocess
import sys

import pytest

from retriever.tokenize import is_emoji, tokenize


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", []),
        (" \n\t…!?。、", []),
        ("Hello, WORLD", ["hello", "world"]),
        ("ＯＫ　１００％", ["ok", "100"]),
        ("Straße", ["strasse"]),
        ("don't don’t the cat's", ["don't", "don't", "the", "cat"]),
        ("naïve cafe\u0301", ["naïve", "café"]),
        ("snake_case, _x_", ["snake", "case", "x"]),
        ("#blessed #开心", ["blessed", "开心", "开", "心"]),
    ],
)
def test_words(text: str, tokens: list[str]) -> None:
    assert tokenize(text) == tokens


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("see https://t.co/AbC?x=1 now", ["see", "now"]),
        ("链接https://t.co/abc你好", ["链接", "链", "接", "你好", "你", "好"]),
        ("www.example.org/a b", ["b"]),
        ("thanks @user and @Some_One!", ["thanks", "and"]),
        ("@ Water Wall", ["water", "wall"]),
        ("mail me@example.org", ["mail", "me", "example", "org"]),
    ],
)
def test_links_and_mentions_are_dropped(text: str, tokens: list[str]) -> None:
    assert tokenize(text) == tokens


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("sooooo", ["soo", "so"]),
        ("coooool", ["cool", "col"]),
        ("good", ["good"]),
        ("2000", ["2000"]),
        ("666", ["666"]),
    ],
)
def test_elongated_words_give_both_short_forms(text: str, tokens: list[str]) -> None:
    assert tokenize(text) == tokens


def test_han_gives_words_and_characters_without_doubling_single_ones() -> None:
    assert tokenize("我好开心") == ["我", "开心", "好开心", "好", "开", "心"]
    assert tokenize("猫") == ["猫"]
    assert tokenize("猫猫") == ["猫猫", "猫", "猫"]


def test_repeated_han_is_cut_to_two() -> None:
    assert tokenize("哈哈哈哈哈哈") == tokenize("哈哈")
    assert "哈哈" in tokenize("哈哈哈")


def test_a_one_character_word_matches_the_longer_word_it_is_in() -> None:
    assert set(tokenize("笑")) & set(tokenize("大笑"))


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("ありがと", ["あり", "りが", "がと"]),
        ("え", ["え"]),
        ("안녕하세요 감사", ["안녕", "녕하", "하세", "세요", "감사"]),
        ("สวัสดี", ["สว", "วั", "ัส", "สด", "ดี"]),
        ("नमस्ते दुनिया", ["नमस्ते", "दुनिया"]),
        ("مَرْحَبًا", ["مَرْحَبًا"]),
        ("Привет", ["привет"]),
    ],
)
def test_other_scripts(text: str, tokens: list[str]) -> None:
    assert tokenize(text) == tokens


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("👍🏽", ["👍"]),
        ("❤️", ["❤"]),
        ("❤️‍🔥", ["❤", "🔥"]),
        ("🇨🇳🇫🇷", ["🇨🇳", "🇫🇷"]),
        ("lol😂😂", ["lol", "😂", "😂"]),
        ("好✨", ["好", "✨"]),
    ],
)
def test_emoji(text: str, tokens: list[str]) -> None:
    assert tokenize(text) == tokens


def test_is_emoji() -> None:
    assert [is_emoji(token) for token in ("😂", "❤", "🇨🇳", "a", "猫", "", "😂😂")] == [True, True] + [
        False
    ] * 5


HAN = "的一是不了人我在有他𠀀"
POOLS = ["abcXYZ019' _-@#", HAN, "ぁアー가각", "😂❤\ufe0f🏽\u200d🇨", "éßİſ\u0301", "กำ"]


def test_any_text_gives_clean_tokens() -> None:
    """No token is empty or holds white space, and every one is found again when tokenized by itself."""
    rng = random.Random(0)
    for _ in range(3000):
        text = "".join(rng.choice(rng.choice(POOLS)) for _ in range(rng.randint(0, 12)))
        for token in tokenize(text):
            assert token and not any(character.isspace() for character in token), (text, token)
            assert token in tokenize(token), (text, token)


def test_every_han_character_is_found() -> None:
    rng = random.Random(0)
    for _ in range(500):
        text = "".join(rng.choice(HAN) for _ in range(rng.randint(1, 12)))
        assert set(text) <= set(tokenize(text))


def test_lone_surrogates_do_not_crash() -> None:
    assert tokenize("ok \ud800 fine") == ["ok", "fine"]


def test_words_others_teach_jieba_change_nothing() -> None:
    import jieba

    jieba.add_word("真是喜大普奔呀", freq=10**9)
    try:
        assert "真是喜大普奔呀" in jieba.lcut("今天真是喜大普奔呀")
        assert "真是喜大普奔呀" not in tokenize("啊真是喜大普奔呀")
    finally:
        jieba.del_word("真是喜大普奔呀")


def test_jieba_is_loaded_for_han_alone_and_says_nothing() -> None:
    code = (
        "import sys; from retriever.tokenize import tokenize; tokenize('hello ありがとう 😂'); "
        "assert 'jieba' not in sys.modules; tokenize('你好'); assert 'jieba' in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_jieba_logger_stays_quiet() -> None:
    tokenize("你好")
    assert logging.getLogger("jieba").level >= logging.CRITICAL
