"""Hashed n-grams of a conversation: what the dual ranker's linear part reads.

A linear model over words and characters is hard to beat where training data are few (Chinese here), sees
what the text tower's word pieces cut apart, and costs microseconds. Feature hashing: Weinberger et al. 2009
(arXiv:0902.2206), without the sign.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from retriever.encoders.dual.spelling import LONGEST, spell_emoji
from retriever.types import Conversation

__all__ = ["HISTORY", "KINDS", "balance", "kind_ranges", "kind_starts", "ngrams"]

HISTORY = 4

KINDS = "words, pairs, characters"
"""The kinds of n-grams, each with buckets of its own; a checkpoint that names others is refused."""

_EIGHTHS = (0, 2, 5)  # where each kind's buckets begin

_WORD = re.compile(r"[\u3400-\u9fff]|[^\W_]+(?:['’][^\W_]+)*|[^\w\s]")
_HAN = re.compile(r"[\u3400-\u9fff]")


def kind_starts(buckets: int) -> NDArray[np.int64]:
    """The first bucket of words, of pairs and of characters, (3,)."""
    return np.array([buckets * eighths // 8 for eighths in _EIGHTHS], np.int64)


def kind_ranges(buckets: int) -> list[tuple[int, int]]:
    """The first bucket of words, of pairs and of characters, each with the one after its last."""
    return list(pairwise([*kind_starts(buckets).tolist(), buckets]))


def ngrams(conversation: Conversation, buckets: int) -> NDArray[np.int64]:
    """Sorted distinct bucket numbers in ``[0, buckets)``; at least one.

    Of the last utterance: whether it has Chinese characters, words, pairs of words, and two to four
    characters of each word (three or four in a row where they are Chinese). Of the three before it: words
    alone, separately for what the sender of the sticker and what others said. And the mode.
    """
    said = [turn for turn in conversation.utterances if turn.text.strip()][-HISTORY:]
    han = "h" if _HAN.search(said[-1].text) else ""
    words = {f"mode {conversation.mode[0]}", f"script {han}"}
    for turn in said[:-1]:
        who = "m" if turn.speaker == conversation.reply_speaker else "y"
        words.update(f"{who}{word}" for word in _words(turn.text))
    last = _words(said[-1].text)
    words.update(f"w{word}" for word in last)
    pairs = {f"b{first} {second}" for first, second in pairwise(last)}
    kinds = (words, pairs, set(_characters(last)))
    numbers = {
        begin + _hashed(gram) % (end - begin)
        for grams, (begin, end) in zip(kinds, kind_ranges(buckets), strict=True)
        for gram in grams
    }
    return np.array(sorted(numbers), np.int64)


def balance(grams: NDArray[np.int64], buckets: int) -> NDArray[np.float32]:
    """What each of a conversation's n-grams counts, (n,): a kind's squares add to 1/3, however many it has.

    Characters are seven times as many as words and would drown them.
    """
    kinds = np.searchsorted(kind_starts(buckets), grams, side="right") - 1
    counts = np.bincount(kinds, minlength=len(_EIGHTHS))
    return np.asarray(1 / np.sqrt(len(_EIGHTHS) * counts[kinds]), np.float32)


def _hashed(feature: str) -> int:
    return crc32(feature.encode("utf-8", "replace"))


def _words(text: str) -> list[str]:
    return _WORD.findall(spell_emoji(text[-LONGEST:]).lower())


def _characters(words: Sequence[str]) -> Iterator[str]:
    for number, word in enumerate(words):
        if _HAN.match(word):
            for length in (3, 4):
                run = words[number : number + length]
                if len(run) == length and all(_HAN.match(item) for item in run):
                    yield f"h{''.join(run)}"
        else:
            padded = f"_{word}_"
            for length in (2, 3, 4):
                for start in range(len(padded) - length + 1):
                    yield f"c{padded[start : start + length]}"
