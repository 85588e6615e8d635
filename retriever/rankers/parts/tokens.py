"""A conversation as one row of tokens: ``[CLS] utterance [SEP] utterance [SEP] ...`` (section 3.1).

A CLIP knows one text between its two markers: ``start utterance utterance ... end``, whichever end of a long
conversation goes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retriever.encoders.dual.marked import conversation_row
from retriever.encoders.dual.spelling import spelled
from retriever.rankers.parts.config import TextConfig
from retriever.rankers.parts.pieces import Pieces
from retriever.types import Conversation

__all__ = ["LONGEST", "ConversationTokens", "TokenBatch", "ends"]

LONGEST = 20_000
"""Characters of one utterance that are read, from the end that is kept; far more than fit in any limit."""

_MULTIPLE = 8
"""Rows are padded to a multiple of this: what attention kernels like, and fewer shapes to compile for."""


@dataclass(frozen=True, slots=True)
class TokenBatch:
    """Rows of equal length.

    Attributes:
        ids: (n, t) int64.
        mask: (n, t) int64, 1 where a token is.
        turn: (n, t) int64: which utterance a token is of, -1 for [CLS], padding and a CLIP's end.
    """

    ids: NDArray[np.int64]
    mask: NDArray[np.int64]
    turn: NDArray[np.int64]


def ends(config: TextConfig, sep: int) -> tuple[list[int], list[int]]:
    """What follows every part of a text, and what follows the last one besides."""
    return ([], [sep]) if config.kind == "clip" else ([sep], [])


class ConversationTokens:
    """Cuts conversations by `pieces`; who said what counts only where ``reading`` says so."""

    def __init__(self, pieces: Pieces, config: TextConfig) -> None:
        self.pieces, self.config = pieces, config

    def rows(self, conversations: Sequence[Conversation]) -> list[tuple[list[int], list[int]]]:
        """(token numbers, utterance of each) of every conversation; empty utterances have no tokens."""
        config = self.config
        if config.reading == "speakers":
            return [self._marked(conversation) for conversation in conversations]
        _, cls, sep = self.pieces.markers
        texts: list[str] = []
        places: list[tuple[int, int]] = []
        for at, conversation in enumerate(conversations):
            for turn, utterance in enumerate(conversation.utterances):
                text = utterance.text.strip()
                if config.remove_spaces:
                    text = "".join(text.split())
                if text:
                    texts.append(text[-LONGEST:] if config.truncate == "left" else text[:LONGEST])
                    places.append((at, turn))
        after, last = ends(config, sep)
        ids: list[list[int]] = [[] for _ in conversations]
        turns: list[list[int]] = [[] for _ in conversations]
        for (at, turn), cut in zip(places, self.pieces.cut(texts), strict=True):
            ids[at] += [*cut, *after]
            turns[at] += [turn] * (len(cut) + len(after))
        room = config.max_tokens - 1 - len(last)
        kept = slice(-room, None) if config.truncate == "left" else slice(room)
        ended = [-1] * len(last)
        return [
            ([cls, *row[kept], *last], [-1, *of[kept], *ended]) for row, of in zip(ids, turns, strict=True)
        ]

    def _marked(self, conversation: Conversation) -> tuple[list[int], list[int]]:
        ids, _, of = conversation_row(
            conversation,
            lambda texts: self.pieces.cut([spelled(text) for text in texts]),
            self.config.max_tokens,
        )
        return ids, of

    def batch(self, conversations: Sequence[Conversation]) -> TokenBatch:
        """Rows padded on the right, to a multiple of 8 tokens where the limit allows."""
        rows = self.rows(conversations)
        longest = max(len(ids) for ids, _ in rows)
        length = max(longest, min(-(-longest // _MULTIPLE) * _MULTIPLE, self.config.max_tokens))
        ids = np.full((len(rows), length), self.pieces.markers[0], np.int64)
        mask = np.zeros_like(ids)
        turn = np.full_like(ids, -1)
        for at, (numbers, turns) in enumerate(rows):
            ids[at, : len(numbers)], mask[at, : len(numbers)] = numbers, 1
            turn[at, : len(turns)] = turns
        return TokenBatch(ids, mask, turn)
