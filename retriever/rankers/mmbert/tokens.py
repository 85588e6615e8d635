"""What MMBERT reads, as numbers: dialogues with speaker tags, and the words in stickers.

``[CLS] [speaker1] text [speaker2] text ... [SEP]``, turns glued together as in the released code.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from retriever.rankers.mmbert.config import MMBERTModelConfig
from retriever.rankers.parts.pieces import Pieces
from retriever.rankers.parts.tokens import LONGEST, TokenBatch
from retriever.types import Conversation

__all__ = ["NOTHING", "SPEAKERS", "DialogueTokens"]

SPEAKERS = 2
NOTHING = -1
"""In a sticker's row of words: no word here."""

_MULTIPLE = 8


class DialogueTokens:
    """Cuts dialogues and stickers' words by `pieces`.

    The numbers of the two speaker tags come after the vocabulary's own, so that no text can contain one.
    """

    def __init__(self, pieces: Pieces, config: MMBERTModelConfig) -> None:
        self.pieces, self.config = pieces, config
        self.mask = pieces.mask
        self.sep = pieces.markers[2]

    @property
    def size(self) -> int:
        """Entries of the word table: the vocabulary and the speakers."""
        return self.pieces.size + SPEAKERS

    def dialogues(self, conversations: Sequence[Conversation]) -> TokenBatch:
        """Rows padded on the right, to a multiple of 8 where the limit allows; empty utterances have none."""
        text = self.config.text
        pad, cls, sep = self.pieces.markers
        limit = text.max_tokens - self.config.tail
        said, places = self._said(conversations)
        ids: list[list[int]] = [[] for _ in conversations]
        turns: list[list[int]] = [[] for _ in conversations]
        for (at, turn, tag), cut in zip(places, self.pieces.cut(said), strict=True):
            ids[at] += [tag, *cut]
            turns[at] += [turn] * (len(cut) + 1)
        kept = slice(-(limit - 2), None) if text.truncate == "left" else slice(limit - 2)
        rows = [[cls, *row[kept], sep] for row in ids]
        longest = max(len(row) for row in rows)
        length = max(longest, min(-(-longest // _MULTIPLE) * _MULTIPLE, limit))
        batch = TokenBatch(
            np.full((len(rows), length), pad, np.int64),
            np.zeros((len(rows), length), np.int64),
            np.full((len(rows), length), -1, np.int64),
        )
        for at, (row, of) in enumerate(zip(rows, turns, strict=True)):
            batch.ids[at, : len(row)], batch.mask[at, : len(row)] = row, 1
            batch.turn[at, 1 : len(row) - 1] = of[kept]
        return batch

    def shown(self, conversation: Conversation) -> list[tuple[int, str]]:
        """Of each token of its dialogue: which turn it is of, and its text ("" for a speaker's tag).

        [CLS] and [SEP], of turn -1, have "" as well.
        """
        turns = self.dialogues([conversation]).turn[0].tolist()
        length = int(self.dialogues([conversation]).mask[0].sum())
        texts, places = self._said([conversation])
        left = self.config.text.truncate == "left"
        pieces: dict[int, list[str]] = {}
        for text, (_, turn, _) in zip(texts, places, strict=True):
            whole, kept = ["", *self.pieces.shown(text)], turns.count(turn)
            pieces[turn] = whole[len(whole) - kept :] if left else whole[:kept]
        return [(turn, pieces[turn].pop(0) if turn >= 0 else "") for turn in turns[:length]]

    def _said(self, conversations: Sequence[Conversation]) -> tuple[list[str], list[tuple[int, int, int]]]:
        """Every text, and of each: which conversation, which turn, the speaker's tag."""
        config = self.config.text
        texts: list[str] = []
        places: list[tuple[int, int, int]] = []
        for at, conversation in enumerate(conversations):
            first = conversation.utterances[0].speaker
            if self.config.speakers == "sender" and conversation.reply_speaker is not None:
                first = conversation.reply_speaker
            for turn, utterance in enumerate(conversation.utterances):
                text = utterance.text.strip()
                if config.remove_spaces:
                    text = "".join(text.split())
                if text:
                    texts.append(text[-LONGEST:] if config.truncate == "left" else text[:LONGEST])
                    places.append((at, turn, self.pieces.size + int(utterance.speaker != first)))
        return texts, places

    def words(self, said: Sequence[str]) -> NDArray[np.int64]:
        """(n, slots): the tokens of each sticker's words, right-aligned, `NOTHING` before them.

        Of words that do not fit the first `slots` - 1 tokens are kept.
        """
        slots = self.config.slots
        found = np.full((len(said), slots), NOTHING, np.int64)
        for row, cut in enumerate(self.pieces.cut([text[:LONGEST] for text in said])):
            kept = cut[: slots - 1]
            if kept:
                found[row, -len(kept) :] = kept
        return found
