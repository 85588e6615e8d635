"""A conversation as a query: the text an encoder reads and the weighted tokens the lexical index reads."""

import unicodedata
from collections.abc import Collection, Iterator
from dataclasses import asdict

from retriever.errors import InputError
from retriever.interjections import implied_words
from retriever.labels import RELATIONS
from retriever.tokenize import is_emoji, tokenize
from retriever.types import Conversation

__all__ = ["STOP_WORDS", "query_text", "query_tokens", "recent_texts"]

# fmt: off
STOP_WORDS: frozenset[str] = frozenset((
    "a", "an", "the", "and", "or", "but", "if", "of", "to", "in", "on", "at", "for", "with", "from", "by",
    "as", "so", "not", "what", "is", "are", "was", "were", "be", "been", "am", "do", "does", "did", "it",
    "its", "this", "that", "these", "those", "i", "you", "he", "she", "we", "they", "me", "him", "her",
    "us", "them", "my", "your", "his", "our", "their",
    "的", "了", "是", "在", "我", "你", "他", "她", "它", "们", "我们", "你们", "他们", "这", "那", "这个",
    "那个", "就", "都", "也", "和", "有", "吗", "呢", "吧", "啊", "一", "个", "一个", "着", "过", "到",
    "要", "会", "说", "去", "什么",
))
# fmt: on
"""Words that say nothing about which sticker fits. "no", "不" and the like do, and are not here."""

IMPLIED_WEIGHT = 0.7
"""Of words nobody said; anything from 0.5 to 2 did the same on training conversations."""

# Words in the names of so many emoji that they tell nothing: a laugh is no better a "face" than a yawn.
_GENERIC = frozenset(("face", "sign", "symbol"))

# In names of older symbols these tell the outline from the filled form: the red heart is a HEAVY BLACK HEART.
_TYPOGRAPHIC = frozenset(("heavy", "black", "white"))


def recent_texts(conversation: Conversation, history: int = 3) -> list[str]:
    """The last `history` utterances that have text, oldest first, whitespace folded; never empty.

    Raises:
        InputError: `history` is below 1.
    """
    if history < 1:
        raise InputError(f"history is {history}; expected 1 or more utterances")
    texts = [" ".join(utterance.text.split()) for utterance in conversation.utterances]
    return [text for text in texts if text][-history:]


def query_text(conversation: Conversation, history: int = 3) -> str:
    """The last `history` utterances joined by newlines, newest last, then what was inferred from them.

    This is what an encoder embeds.

    The same in both modes. Speakers' names are left out: they are no part of what a sticker shows.

    Raises:
        InputError: `history` is below 1.
    """
    return "\n".join([*recent_texts(conversation, history), *_inferred(conversation)])


def _inferred(conversation: Conversation) -> list[str]:
    """What was inferred, one text a relation that says something; Int-RA's knowledge (section IV-A)."""
    if conversation.inferences is None:
        return []
    said = asdict(conversation.inferences)
    return ["; ".join(said[relation]) for relation in RELATIONS if said[relation]]


def query_tokens(
    conversation: Conversation,
    history: int = 3,
    decay: float = 0.5,
    stop_words: Collection[str] = STOP_WORDS,
) -> dict[str, float]:
    """What the last `history` utterances ask for: every token with its weight; may be empty.

    A token of the last utterance weighs 1, of the one before `decay`, then ``decay**2``, and so on; a token
    that occurs more than once keeps its largest weight, so that nobody shouts a sticker down by repeating a
    word. An emoji brings the words of its Unicode name along (😂: tears, joy), an interjection the words it
    stands for (`retriever.interjections`) at `IMPLIED_WEIGHT`, like every word of the inferences.

    Args:
        conversation: whose words; both modes are read alike.
        history: utterances to read, at least 1; those without text do not count.
        decay: in [0, 1]; 0 reads the last utterance alone.
        stop_words: tokens to leave out.

    Raises:
        InputError: `history` is below 1 or `decay` outside [0, 1].
    """
    if not 0.0 <= decay <= 1.0:
        raise InputError(f"decay is {decay}; expected a number from 0 to 1")
    weights: dict[str, float] = {}
    for age, text in enumerate(reversed(recent_texts(conversation, history))):
        weight = decay**age
        if weight > 0:
            for token in _with_emoji_names(tokenize(text)):
                if token not in stop_words:
                    weights.setdefault(token, weight)
            for word in implied_words(text):
                weights[word] = max(weights.get(word, 0.0), IMPLIED_WEIGHT * weight)
    for text in _inferred(conversation):
        for token in tokenize(text):
            if token not in stop_words:
                weights[token] = max(weights.get(token, 0.0), IMPLIED_WEIGHT)
    return weights


def _with_emoji_names(tokens: list[str]) -> Iterator[str]:
    for token in tokens:
        yield token
        if is_emoji(token):
            dropped = _GENERIC if ord(token) >= 0x1F000 else _GENERIC | _TYPOGRAPHIC
            yield from (word for word in tokenize(unicodedata.name(token, "")) if word not in dropped)
