"""Who said what, told by markers: ``[CLS] mode (speaker words)... [SEP]``.

One token says whether the sticker answers or adds to the sender's own words, one before each utterance
whether the sender of the sticker (``[ME]``) said it or somebody else. The markers are ids that no text can
produce, so words in a chat cannot pose as one. A tower has to be trained to know them.
"""

from retriever.encoders.dual.row import ADD, CLS, DOC, ME, REPLY, SEP, YOU, Row
from retriever.encoders.dual.rows import Cut, Rows
from retriever.types import Conversation

__all__ = ["HISTORY", "Marked", "conversation_row"]

HISTORY = 3
"""Utterances that are read, where nothing else is said."""


class Marked(Rows):
    """Rows with markers."""

    def conversation(self, conversation: Conversation) -> Row:
        """Pooling starts at the last utterance: the earlier ones reach it through attention."""
        ids, start, _ = conversation_row(conversation, self._cut, self._max_tokens, self._turns)
        return Row(ids, start, len(ids), ids[1])

    def message(self, text: str) -> Row:
        """Something that was said to us; where it is too long, its beginning goes."""
        ids = [CLS, REPLY, YOU, *self._cut([text])[0][-(self._max_tokens - 4) :], SEP]
        return Row(ids, 2, len(ids), REPLY)

    def document(self, text: str) -> Row:
        """A sticker's document; where it is too long, its end goes."""
        ids = [CLS, DOC, *self._cut([text])[0][: self._max_tokens - 3], SEP]
        return Row(ids, 0, len(ids), DOC)


def conversation_row(
    conversation: Conversation, cut: Cut, max_tokens: int, turns: int = HISTORY
) -> tuple[list[int], int, list[int]]:
    """The last `turns` utterances that are not empty.

    Args:
        cut: texts to the ids of their words.
        max_tokens: of the row; where the utterances are too long, the oldest tokens go first.

    Returns:
        the ids, where the last utterance begins, and which utterance each id is of, -1 for the outer markers.
    """
    numbered = [(at, turn) for at, turn in enumerate(conversation.utterances) if turn.text.strip()][-turns:]
    words = cut([turn.text for _, turn in numbered])
    room = max_tokens - 3
    read: list[tuple[int, list[int]]] = []
    for (at, turn), ids in zip(reversed(numbered), reversed(words), strict=True):
        if room < 2:
            break
        speaker = ME if turn.speaker == conversation.reply_speaker else YOU
        read.append((at, [speaker, *ids[-(room - 1) :]]))
        room -= len(read[-1][1])
    mode = ADD if conversation.mode == "supplement" else REPLY
    read.reverse()
    row = [CLS, mode, *(number for _, ids in read for number in ids), SEP]
    of = [-1, -1, *(at for at, ids in read for _ in ids), -1]
    return row, len(row) - 1 - len(read[-1][1]), of
