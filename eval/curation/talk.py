"""Conversations by what was said in them, so that the same talk is found again however it is cut."""

from collections.abc import Iterator
from hashlib import blake2b
from itertools import pairwise
from unicodedata import normalize

from retriever.types import Conversation

__all__ = ["LEAST_BYTES", "pair_keys", "text_key"]

LEAST_BYTES = 24
"""Two utterances that are shorter together, in UTF-8, are a stock phrase: 24 letters or 8 characters."""


def text_key(conversation: Conversation) -> int:
    """64 bits over all that was said: case, spaces, widths, speakers and who answers do not count."""
    return _key([_plain(utterance.text) for utterance in conversation.utterances])


def pair_keys(conversation: Conversation) -> Iterator[int]:
    """64 bits over every two utterances that follow each other and are no stock phrase."""
    said = [text for utterance in conversation.utterances if (text := _plain(utterance.text))]
    for first, second in pairwise(said):
        if len(first.encode()) + len(second.encode()) >= LEAST_BYTES:
            yield _key([first, second])


def _plain(text: str) -> str:
    return " ".join(normalize("NFKC", text).casefold().split())


def _key(texts: list[str]) -> int:
    return int.from_bytes(blake2b("\n".join(texts).encode("utf-8", "replace"), digest_size=8).digest())
