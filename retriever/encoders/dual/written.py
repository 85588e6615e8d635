"""Who said what, written out: ``[CLS] I: words you: words [SEP] you: words [SEP]``.

For a tower that stays as it was published: it has never seen markers, but knows what these words mean. What
is written around an utterance is cut into tokens apart from it, so a message keeps its frame however long it
is; a message that imitates the frame reads as such, as it does to people. What is asked need not be said: I
answer what you said, and add to what I said.
"""

from retriever.encoders.dual.row import ADD, CLS, DOC, REPLY, SEP, Row
from retriever.encoders.dual.rows import Cut, Rows
from retriever.types import Conversation

__all__ = ["FRAME", "Written"]

_ME, _YOU = "I:", "you:"

FRAME = (_ME, _YOU)
"""What is written before utterances: a vocabulary has to have its words."""


class Written(Rows):
    """Rows in words."""

    def __init__(self, cut: Cut, max_tokens: int, turns: int) -> None:
        super().__init__(cut, max_tokens, turns)
        self._me, self._you = cut(FRAME)

    def conversation(self, conversation: Conversation) -> Row:
        """The last utterance, which is pooled, in a part of its own; the oldest tokens go first."""
        said = [turn for turn in conversation.utterances if turn.text.strip()][-self._turns :]
        frames = [self._me if turn.speaker == conversation.reply_speaker else self._you for turn in said]
        *earlier, last = zip(frames, self._cut([turn.text for turn in said]), strict=True)
        end = self._last(*last)
        before = [number for frame, words in earlier for number in (*frame, *words)]
        room = self._max_tokens - len(end) - 2  # [CLS] and the [SEP] between the two parts
        before = [*before[-room:], SEP] if before and room > 0 else []
        start = 1 + len(before)
        mode = ADD if conversation.mode == "supplement" else REPLY
        return Row([CLS, *before, *end], start, start + len(end) - 1, mode)

    def message(self, text: str) -> Row:
        """Something that was said to us; where it is too long, its beginning goes."""
        end = self._last(self._you, self._cut([text])[0])
        return Row([CLS, *end], 1, len(end), REPLY)

    def document(self, text: str) -> Row:
        """A sticker's document as it is; where it is too long, its end goes."""
        ids = [CLS, *self._cut([text])[0][: self._max_tokens - 2], SEP]
        return Row(ids, 1, len(ids) - 1, DOC) if len(ids) > 2 else Row(ids, 0, len(ids), DOC)

    def _last(self, speaker: list[int], words: list[int]) -> list[int]:
        return [*speaker, *words[-(self._max_tokens - len(speaker) - 2) :], SEP]
