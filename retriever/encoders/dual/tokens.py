"""Conversations and sticker documents as token ids for the dual ranker.

A conversation is ``[CLS] mode (speaker words)... [SEP]``: one token says whether the sticker answers or adds
to the sender's own words, one before each utterance whether the sender of the sticker (``[ME]``) said it or
somebody else. The markers are ids that no text can produce, so words in a chat cannot pose as one.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retriever.errors import ModelError
from retriever.extras import require
from retriever.types import Conversation

__all__ = [
    "MARKERS", "ME", "MODES", "YOU", "DualTokens", "TokenBatch", "conversation_row", "mode_of", "pad",
    "spell_emoji", "spelled",
]  # fmt: skip

MARKERS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[ME]", "[YOU]", "[REPLY]", "[ADD]", "[DOC]")
"""The first ids of the vocabulary, in this order."""

PAD, UNK, CLS, SEP, MASK, ME, YOU, REPLY, ADD, DOC = range(len(MARKERS))

MODES = (REPLY, ADD, DOC)
"""What a row can be, told by its second id."""

HISTORY = 3
LONGEST = 2_000
"""Characters of one utterance that are read, from its end: far more than the token limit holds."""

_AT_LEAST = 24
"""Tokens that the last utterance may always have; older ones share what is left."""


@dataclass(frozen=True, slots=True)
class TokenBatch:
    """Padded rows for one run of the text tower.

    Attributes:
        ids: (n, t) int64.
        mask: (n, t) int64, 1 where a token is.
        pool: (n, t) float32, what each token weighs in the pooled vector; every row sums to 1.
    """

    ids: NDArray[np.int64]
    mask: NDArray[np.int64]
    pool: NDArray[np.float32]


Row = tuple[list[int], int]
"""Token ids, and from which of them on the pooled vector is taken."""


class DualTokens:
    """The tokenizer of a dual checkpoint; threads may share it.

    Args:
        file: a ``tokenizer.json`` whose first ids are `MARKERS`.
        max_tokens: longest row, markers included.

    Raises:
        ModelError: the file is missing, damaged, or of another kind of model.
        MissingExtra: the `tokenizers` package is not installed.
    """

    def __init__(self, file: Path, max_tokens: int = 128) -> None:
        tokenizers = require("tokenizers", "minilm", "the built-in ranker")
        try:
            self._tokenizer: Any = tokenizers.Tokenizer.from_str(file.read_text(encoding="utf-8"))
        except Exception as error:  # the library raises bare Exception
            raise ModelError(
                f"{file} cannot be read as a tokenizer ({error}); reinstall the model"
            ) from error
        found = tuple(self._tokenizer.id_to_token(number) for number in range(len(MARKERS)))
        if found != MARKERS:
            raise ModelError(f"{file} begins with {found}, expected {MARKERS}: not a dual ranker's tokenizer")
        if max_tokens < 2 * _AT_LEAST:
            raise ModelError(f"max_tokens is {max_tokens}, expected at least {2 * _AT_LEAST}")
        self.max_tokens = max_tokens

    def words(self, texts: Sequence[str]) -> list[list[int]]:
        """Ids of each text's words, without markers or limit."""
        rows = self._tokenizer.encode_batch([spelled(text) for text in texts], add_special_tokens=False)
        return [row.ids for row in rows]

    def conversation(self, conversation: Conversation) -> Row:
        """The last `HISTORY` utterances; where they are too long, the oldest tokens go first.

        Pooling starts at the last utterance: the earlier ones reach it through attention.
        """
        row, start, _ = conversation_row(conversation, self.words, self.max_tokens)
        return row, start

    def document(self, text: str) -> Row:
        """A sticker's document; where it is too long, its end goes."""
        return [CLS, DOC, *self.words([text[:LONGEST]])[0][: self.max_tokens - 3], SEP], 0

    def utterance(self, text: str) -> Row:
        """A text of nobody in particular, as something that was said to us."""
        return [CLS, REPLY, YOU, *self.words([text])[0][-(self.max_tokens - 4) :], SEP], 2


def conversation_row(
    conversation: Conversation, cut: Callable[[Sequence[str]], Sequence[list[int]]], max_tokens: int
) -> tuple[list[int], int, list[int]]:
    """The last `HISTORY` utterances as ``[CLS] mode (speaker words)... [SEP]``.

    Args:
        cut: texts to the ids of their words.
        max_tokens: of the row; where the utterances are too long, the oldest tokens go first.

    Returns:
        the ids, where the last utterance begins, and which utterance each id is of, -1 for the outer markers.
    """
    numbered = [(at, turn) for at, turn in enumerate(conversation.utterances) if turn.text.strip()][-HISTORY:]
    words = cut([turn.text for _, turn in numbered])
    room = max_tokens - 3
    turns: list[tuple[int, list[int]]] = []
    for (at, turn), ids in zip(reversed(numbered), reversed(words), strict=True):
        if room < 2:
            break
        speaker = ME if turn.speaker == conversation.reply_speaker else YOU
        turns.append((at, [speaker, *ids[-(room - 1) :]]))
        room -= len(turns[-1][1])
    mode = ADD if conversation.mode == "supplement" else REPLY
    turns.reverse()
    row = [CLS, mode, *(number for _, ids in turns for number in ids), SEP]
    of = [-1, -1, *(at for at, ids in turns for _ in ids), -1]
    return row, len(row) - 1 - len(turns[-1][1]), of


def spelled(text: str) -> str:
    """As much of a text as is read, emoji in words."""
    return spell_emoji(text[-LONGEST:])


def mode_of(rows: Sequence[Row]) -> NDArray[np.float32]:
    """(n, 3) which of `MODES` each row is: 1 there, 0 elsewhere."""
    return np.array([[ids[1] == mode for mode in MODES] for ids, _ in rows], np.float32).reshape(
        -1, len(MODES)
    )


def pad(rows: Iterable[Row]) -> TokenBatch:
    """Rows of different lengths as one batch."""
    listed = list(rows)
    shape = (len(listed), max(len(ids) for ids, _ in listed))
    ids, mask = np.full(shape, PAD, np.int64), np.zeros(shape, np.int64)
    pool = np.zeros(shape, np.float32)
    for number, (row, start) in enumerate(listed):
        ids[number, : len(row)] = row
        mask[number, : len(row)] = 1
        pool[number, start : len(row)] = 1 / (len(row) - start)
    return TokenBatch(ids, mask, pool)


def spell_emoji(text: str) -> str:
    """The text with every emoji replaced by the words of its Unicode name, which the vocabulary has.

    >>> spell_emoji("ok😂")
    'ok face with tears of joy '
    """
    return _SUSPECTS.sub(_in_words, text)


def _in_words(found: "re.Match[str]") -> str:
    character = found.group()
    if character in _SILENT:
        return ""
    if unicodedata.category(character) != "So":  # symbols that are no letters, digits or punctuation
        return character
    return " " + unicodedata.name(character, "").lower().replace("-", " ") + " "


_SILENT = frozenset(
    "\ufe0e\ufe0f\u200d\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff"
)  # variants, joiners, skins
_SUSPECTS = re.compile("[\u200d\u203c-\u3299\ufe0e\ufe0f\U0001f000-\U0001faff]")
