"""Conversations, messages and sticker documents as token ids for the dual ranker."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from retriever.encoders.dual.marked import HISTORY, Marked
from retriever.encoders.dual.row import MARKERS, Row
from retriever.encoders.dual.rows import Rows
from retriever.encoders.dual.spelling import LONGEST, spelled
from retriever.encoders.dual.written import Written
from retriever.errors import ModelError
from retriever.extras import require
from retriever.types import Conversation

__all__ = ["DualTokens", "Reading"]

Reading = Literal["markers", "words"]
"""How a row says who spoke and what is asked: see `retriever.encoders.dual.marked` and `...written`."""

_WRITERS: dict[str, type[Rows]] = {"markers": Marked, "words": Written}

_LEAST = 48
"""Tokens of the smallest row that holds a message and what stands around it."""


class DualTokens:
    """The tokenizer of a dual checkpoint; threads may share it.

    Args:
        file: a ``tokenizer.json`` whose first ids are `MARKERS`.
        max_tokens: longest row, markers included.
        reading: whether markers or words say who spoke.
        turns: how many of the last utterances are read.

    Raises:
        ModelError: the file is missing, damaged, or of another kind of model, or there is no such reading.
        MissingExtra: the `tokenizers` package is not installed.
    """

    def __init__(
        self, file: Path, max_tokens: int = 128, reading: Reading = "markers", turns: int = HISTORY
    ) -> None:
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
        if max_tokens < _LEAST:
            raise ModelError(f"max_tokens is {max_tokens}, expected at least {_LEAST}")
        if reading not in _WRITERS:
            raise ModelError(f"reading is {reading!r}, expected one of {', '.join(_WRITERS)}")
        self.max_tokens = max_tokens
        self._rows: Rows = _WRITERS[reading](self.words, max_tokens, turns)

    def words(self, texts: Sequence[str]) -> list[list[int]]:
        """Ids of each text's words, without markers or limit."""
        rows = self._tokenizer.encode_batch([spelled(text) for text in texts], add_special_tokens=False)
        return [row.ids for row in rows]

    def conversation(self, conversation: Conversation) -> Row:
        """The last utterances; where they are too long, the oldest tokens go first."""
        return self._rows.conversation(conversation)

    def document(self, text: str) -> Row:
        """A sticker's document; where it is too long, its end goes."""
        return self._rows.document(text[:LONGEST])

    def utterance(self, text: str) -> Row:
        """A text of nobody in particular, as something that was said to us."""
        return self._rows.message(text)
