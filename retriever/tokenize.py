"""Words of mixed Chinese, Japanese, Korean and alphabetic text, for lexical matching.

`tokenize` is one function for stickers and conversations: two texts match where their tokens are equal.

- Text is NFKC-normalised and case-folded; links and ``@mentions`` are dropped, ``#`` is ignored.
- Alphabetic words: as written, possessive ``'s`` removed. A letter repeated three times or more gives two
  tokens, with two of it and with one (``soooo`` -> ``soo``, ``so``), so that both ``cool`` and ``so`` are
  found.
- Han: jieba's search segmentation (words and the words inside them) and every single character, so that a
  one-character word matches the longer word it is in. Traditional characters are kept as they are.
- Kana, hangul and the scripts of South-East Asia written without spaces: overlapping pairs of characters.
- Emoji: one token each, without variation selectors and skin tones; the parts of a joined emoji are tokens
  of their own.
"""

import logging
import re
import unicodedata
import warnings
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import jieba

__all__ = ["TOKENIZER_VERSION", "is_emoji", "tokenize"]

TOKENIZER_VERSION = "1"
"""Changes whenever `tokenize` gives other tokens for some text: an index of another version is stale."""

_HAN = r"\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_PAIRED = (
    r"\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff"  # kana
    r"\u0e01-\u0eff\u1000-\u109f\u1780-\u17df\uac00-\ud7af"  # Thai, Lao, Myanmar, Khmer, hangul
)
# Marks that Python's \w leaves out though they stand inside words: accents, Hebrew, Arabic, Indic.
_MARKS = (
    r"\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed"
    r"\u0900-\u0963\u0966-\u0dff"
)
_LETTER = rf"(?:(?![{_HAN}{_PAIRED}_])[\w{_MARKS}])"
_EMOJI = (
    r"[\u203c\u2049\u2139\u2190-\u21ff\u2300-\u23ff\u25a0-\u27bf\u2900-\u297f\u2b00-\u2bff"
    r"\U0001f000-\U0001f3fa\U0001f400-\U0001faff]"
)

_SYMBOL = re.compile(_EMOJI)
_DROPPED = re.compile(r"https?://[!-~]+|www\.[!-~]+|(?<![\w.])@[a-z0-9_]+")
_REPEATED_HAN = re.compile(rf"([{_HAN}])\1{{2,}}")
_REPEATED_LETTER = re.compile(r"([^\W\d_])\1{2,}")
_PARTS = re.compile(
    rf"(?P<han>[{_HAN}]+)|(?P<paired>[{_PAIRED}]+)"
    rf"|(?P<word>{_LETTER}+(?:'{_LETTER}+)*)|(?P<flag>[\U0001f1e6-\U0001f1ff]{{2}})|(?P<emoji>{_EMOJI})"
)


def tokenize(text: str) -> list[str]:
    """The tokens of `text` in reading order, repeats kept; empty where nothing but punctuation is left.

    Args:
        text: any text of any language; 0 characters is fine.
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    folded = unicodedata.normalize("NFKC", folded).replace("’", "'")  # folding may take letters apart again
    return list(_tokens(_DROPPED.sub(" ", folded)))


def is_emoji(token: str) -> bool:
    """Whether a token of `tokenize` is a single emoji or pictographic symbol; a flag, being two, is not."""
    return _SYMBOL.fullmatch(token) is not None


def _tokens(text: str) -> Iterator[str]:
    for part in _PARTS.finditer(text):
        run = part.group()
        match part.lastgroup:
            case "han":
                yield from _han_words(_REPEATED_HAN.sub(r"\1\1", run))
            case "paired":
                yield from (run[i : i + 2] for i in range(max(1, len(run) - 1)))
            case "word":
                yield from _word_forms(run.removesuffix("'s"))
            case _:
                yield run


def _word_forms(word: str) -> tuple[str, ...]:
    if _REPEATED_LETTER.search(word) is None:
        return (word,)
    return (_REPEATED_LETTER.sub(r"\1\1", word), _REPEATED_LETTER.sub(r"\1", word))


@lru_cache(maxsize=65536)
def _han_words(run: str) -> tuple[str, ...]:
    """Dictionary words, then the characters that are not already words of their own.

    Without jieba's guessing of unknown words (HMM): it cuts the same word differently in another sentence.
    """
    words = tuple(_segmenter().cut_for_search(run, HMM=False))
    single = {word for word in words if len(word) == 1}
    return words + tuple(character for character in run if character not in single)


@cache
def _segmenter() -> "jieba.Tokenizer":
    """An own jieba tokenizer: words that others add to jieba's global one must not change our tokens."""
    with warnings.catch_warnings():  # its source has invalid escapes, reported when it is first compiled
        warnings.simplefilter("ignore")
        import jieba

    jieba.setLogLevel(logging.CRITICAL)  # even a cache it cannot write is nothing to show a user
    return jieba.Tokenizer()
