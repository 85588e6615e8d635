"""What Int-RA reads, as rows of tokens: conversations with knowledge, labels, the texts of stickers."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from retriever.documents import document
from retriever.errors import InputError
from retriever.labels import RELATIONS
from retriever.rankers.int_ra.config import IntRAModelConfig
from retriever.rankers.parts.pieces import Pieces
from retriever.rankers.parts.tokens import LONGEST, ConversationTokens, ends
from retriever.types import Conversation, Sticker

__all__ = ["IntRATokens", "StickerTexts", "TextRows", "sticker_texts"]

_MULTIPLE = 8


@dataclass(frozen=True, slots=True)
class TextRows:
    """Rows of equal length.

    Attributes:
        ids, mask: (n, t) int64; 1 in the mask where a token is.
    """

    ids: NDArray[np.int64]
    mask: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class StickerTexts:
    """The attributes of d stickers, every distinct text once.

    Attributes:
        rows: (u, t): the texts; the first is empty.
        which: (d, a) int64 into `rows`, in the order of the configured attributes; 0 where there is no text.
    """

    rows: TextRows
    which: NDArray[np.int64]


def sticker_texts(sticker: Sticker, config: IntRAModelConfig) -> tuple[str, ...]:
    """(a,) texts of the configured attributes; "" where nothing is known.

    A stand-in is given only where a model has described none of the four: an attribute that it called
    absent stays absent.
    """
    known = sticker.attributes
    everything = (known.gesture, known.posture, known.facial_expression, known.verbal)
    if config.stand_in == "names" and not any(text.strip() for text in everything):
        text = document(sticker, ("name", "keywords"), config.languages)
        return (text,) * len(config.attributes)
    return tuple(" ".join(getattr(known, name).split()) for name in config.attributes)


class IntRATokens:
    """Cuts texts by `pieces`. Who said what is not looked at, as in the released code."""

    def __init__(self, pieces: Pieces, config: IntRAModelConfig) -> None:
        self.pieces, self.config = pieces, config
        self._talk = ConversationTokens(pieces, config.text)

    def conversations(self, conversations: Sequence[Conversation]) -> TextRows:
        """``[CLS] utterance [SEP] ... inferences of a relation [SEP] ...``: T + C_know of equation 3.

        Knowledge comes last and is cut at its end; what then is too long is the conversation, whose newest
        words stay (or oldest: ``text.truncate``).
        """
        config = self.config
        recent = [self._recent(conversation) for conversation in conversations]
        knowledge = [self._knowledge(conversation) for conversation in conversations]
        rows = []
        last = ends(config.text, self.pieces.markers[2])[1]
        for (ids, _), known in zip(self._talk.rows(recent), knowledge, strict=True):
            room = config.text.max_tokens - 1 - len(known) - len(last)
            said = ids[1 : len(ids) - len(last)]
            said = said[max(len(said) - room, 0) :] if config.text.truncate == "left" else said[:room]
            rows.append([ids[0], *said, *known, *last])
        return self._padded(rows)

    def texts(self, texts: Sequence[str], limit: int) -> TextRows:
        """``[CLS] text [SEP]``, at most `limit` tokens; an empty text is ``[CLS]`` alone."""
        _, cls, sep = self.pieces.markers
        rows = [
            [cls, *cut[: limit - 2], sep] if cut else [cls]
            for cut in self.pieces.cut([text[:LONGEST] for text in texts])
        ]
        return self._padded(rows)

    def labels(self) -> TextRows:
        """The names of the classes, in order.

        Raises:
            InputError: there are none.
        """
        if not self.config.label_texts:
            raise InputError("model.labels is 'emoji', and model.classes names none; they come from training")
        return self.texts(self.config.label_texts, self.config.text.max_tokens)

    def stickers(self, texts: Sequence[Sequence[str]]) -> StickerTexts:
        """What `sticker_texts` gave for each of some stickers."""
        place: dict[str, int] = {"": 0}
        which = [[place.setdefault(text.strip(), len(place)) for text in row] for row in texts]
        shape = (len(texts), len(self.config.attributes))
        rows = self.texts(list(place), self.config.attribute_tokens)
        return StickerTexts(rows, np.array(which, np.int64).reshape(shape))

    def _recent(self, conversation: Conversation) -> Conversation:
        history = self.config.history
        if history is None:
            return conversation
        spoken = tuple(turn for turn in conversation.utterances if turn.text.strip())
        return replace(conversation, utterances=spoken[-history:])

    def _knowledge(self, conversation: Conversation) -> list[int]:
        said = conversation.inferences
        if not self.config.knowledge or said is None:
            return []
        texts = ["; ".join(getattr(said, relation))[:LONGEST] for relation in RELATIONS]
        after = ends(self.config.text, self.pieces.markers[2])[0]
        found = [number for cut in self.pieces.cut(texts) if cut for number in (*cut, *after)]
        limit = self.config.knowledge_tokens
        return found if len(found) <= limit else [*found[: limit - len(after)], *after]

    def _padded(self, rows: Sequence[Sequence[int]]) -> TextRows:
        longest = max(len(row) for row in rows)
        length = max(longest, min(-(-longest // _MULTIPLE) * _MULTIPLE, self.config.text.max_tokens))
        ids = np.full((len(rows), length), self.pieces.markers[0], np.int64)
        mask = np.zeros_like(ids)
        for at, row in enumerate(rows):
            ids[at, : len(row)], mask[at, : len(row)] = row, 1
        return TextRows(ids, mask)
