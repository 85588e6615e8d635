"""Who said what, written out: ``[CLS] I: words you: words [SEP] you: words [SEP]``.

For a tower that stays as it was published: it has never seen markers, but knows what these words mean. What
is written around an utterance is cut into tokens apart from it, so a message keeps its frame however long it
is; a message that imitates the frame reads as such, as it does to people. What is asked need not be said: I
answer what you said, and add to what I said.
"""

from collections.abc import Callable, Sequence

from retriever.encoders.dual.row import ADD, CLS, DOC, REPLY, SEP, Row
from retriever.types import Conversation

__all__ = ["FRAME", "written_conversation", "written_document", "written_message"]

_ME, _YOU = "I:", "you:"

FRAME = (_ME, _YOU)
"""What is written before utterances: a vocabulary has to have its words."""

Cut = Callable[[Sequence[str]], Sequence[list[int]]]


def written_conversation(conversation: Conversation, cut: Cut, max_tokens: int, turns: int) -> Row:
    """The last `turns` utterances that are not empty; the last one, which is pooled, in a part of its own.

    Args:
        cut: texts to the ids of their words.
        max_tokens: of the row; where the utterances are too long, the oldest tokens go first.
    """
    said = [turn for turn in conversation.utterances if turn.text.strip()][-turns:]
    me, you = cut(FRAME)
    framed = zip(said, cut([turn.text for turn in said]), strict=True)
    parts = [(me if turn.speaker == conversation.reply_speaker else you, words) for turn, words in framed]
    speaker, words = parts[-1]
    last = _last(speaker, words, max_tokens)
    earlier = [number for frame, ids in parts[:-1] for number in (*frame, *ids)]
    room = max_tokens - len(last) - 2  # [CLS] and the [SEP] between the two parts
    before = [*earlier[-room:], SEP] if earlier and room > 0 else []
    start = 1 + len(before)
    mode = ADD if conversation.mode == "supplement" else REPLY
    return Row([CLS, *before, *last], start, start + len(last) - 1, mode)


def written_message(words: list[int], cut: Cut, max_tokens: int) -> Row:
    """Something that was said to us; where it is too long, its beginning goes."""
    last = _last(cut(FRAME)[1], words, max_tokens)
    return Row([CLS, *last], 1, len(last), REPLY)


def written_document(words: list[int], max_tokens: int) -> Row:
    """A sticker's document as it is; where it is too long, its end goes."""
    ids = [CLS, *words[: max_tokens - 2], SEP]
    return Row(ids, 1, len(ids) - 1, DOC) if len(ids) > 2 else Row(ids, 0, len(ids), DOC)


def _last(speaker: list[int], words: list[int], max_tokens: int) -> list[int]:
    return [*speaker, *words[-(max_tokens - len(speaker) - 2) :], SEP]
