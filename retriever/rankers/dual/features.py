"""Hashed n-grams of a conversation: what the dual ranker's linear part reads.

A linear model over words and characters is hard to beat where training data are few (Chinese here), sees
what the text tower's word pieces cut apart, and costs microseconds. Feature hashing: Weinberger et al. 2009
(arXiv:0902.2206), without the sign.
"""

import re
from collections.abc import Iterator
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from retriever.encoders.dual.spelling import LONGEST, spell_emoji
from retriever.types import Conversation

__all__ = ["HISTORY", "ngrams"]

HISTORY = 4

_WORD = re.compile(r"[\u3400-\u9fff]|[^\W_]+(?:['’][^\W_]+)*|[^\w\s]")
_HAN = re.compile(r"[\u3400-\u9fff]")


def ngrams(conversation: Conversation, buckets: int) -> NDArray[np.int64]:
    """Sorted distinct bucket numbers in ``[0, buckets)``; at least one.

    Of the last utterance: whether it has Chinese characters, words, pairs of words, and two to four
    characters of each word (one to four characters where they are Chinese), separately for the two modes.
    Of the three before it: words alone, separately for what the sender of the sticker and what others said.
    """
    said = [turn for turn in conversation.utterances if turn.text.strip()][-HISTORY:]
    mode = conversation.mode[0]
    features = {f"mode {mode}", f"script {mode}{'h' if _HAN.search(said[-1].text) else ''}"}
    features.update(f"{mode}{gram}" for gram in _all_grams(said[-1].text))
    features.update(f"*{gram}" for gram in _all_grams(said[-1].text))
    for turn in said[:-1]:
        who = "m" if turn.speaker == conversation.reply_speaker else "y"
        features.update(f"{who}{word}" for word in _words(turn.text))
    numbers = {crc32(feature.encode("utf-8", "replace")) % buckets for feature in features}
    return np.array(sorted(numbers), np.int64)


def _words(text: str) -> list[str]:
    return _WORD.findall(spell_emoji(text[-LONGEST:]).lower())


def _all_grams(text: str) -> Iterator[str]:
    words = _words(text)
    for number, word in enumerate(words):
        yield f"w{word}"
        if number:
            yield f"b{words[number - 1]} {word}"
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
