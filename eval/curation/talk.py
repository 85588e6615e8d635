"""Conversations by what was said in them, so that the same talk is found again however it is cut."""

from collections.abc import Iterator
from hashlib import blake2b
from itertools import pairwise
from unicodedata import normalize

from retriever.types import Conversation

__all__ = ["LEAST_BYTES", "link_keys", "pair_keys", "text_key"]

LEAST_BYTES = 24
"""What is shorter, in UTF-8, is a stock phrase: 24 letters, 8 Han characters."""


def text_key(conversation: Conversation) -> int:
    """64 bits over all that was said: case, spaces, widths, speakers and who answers do not count."""
    return _key([_plain(utterance.text) for utterance in conversation.utterances])


def pair_keys(conversation: Conversation) -> Iterator[int]:
    """64 bits over every two utterances that follow each other and are no stock phrase."""
    said = [text for utterance in conversation.utterances if (text := _plain(utterance.text))]
    for first, second in pairwise(said):
        if len(first.encode()) + len(second.encode()) >= LEAST_BYTES:
            yield _key([first, second])


def link_keys(conversation: Conversation) -> set[int]:
    """What rows of one dialogue have in common: pairs of utterances, and the one that it begins with."""
    first = _plain(conversation.utterances[0].text)
    opening = {_key(["", first])} if len(first.encode()) >= LEAST_BYTES else set()
    return opening | set(pair_keys(conversation))


def _plain(text: str) -> str:
    return " ".join(normalize("NFKC", text).casefold().split())


def _key(texts: list[str]) -> int:
    return int.from_bytes(blake2b("\n".join(texts).encode("utf-8", "replace"), digest_size=8).digest())
