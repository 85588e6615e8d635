"""A conversation as a query: the text an encoder reads and the weighted tokens the lexical index reads."""

from collections.abc import Sequence

from retriever.errors import InputError
from retriever.tokenize import tokenize
from retriever.types import Conversation

__all__ = ["query_text", "query_tokens", "recent_texts"]


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
    """The last `history` utterances joined by newlines, newest last: what an encoder embeds.

    The same in both modes. Speakers' names are left out: they are no part of what a sticker shows.

    Raises:
        InputError: `history` is below 1.
    """
    return "\n".join(recent_texts(conversation, history))


def query_tokens(
    conversation: Conversation,
    history: int = 3,
    decay: float = 0.5,
    stop_words: Sequence[str] | frozenset[str] = (),
) -> dict[str, float]:
    """What the last `history` utterances ask for: every token with its weight.

    A token of the last utterance weighs 1, of the one before `decay`, then ``decay**2``, and so on; a token
    that occurs more than once keeps its largest weight, so that nobody shouts a sticker down by repeating a
    word.

    Args:
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
        for token in tokenize(text) if weight else ():
            if token not in stop_words:
                weights.setdefault(token, weight)
    return weights
