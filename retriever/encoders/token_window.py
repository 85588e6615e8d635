"""Texts to token ids of bounded length, keeping either end of a text that is too long."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from retriever.errors import ModelError
from retriever.extras import require

__all__ = ["Keep", "TokenWindow"]

Keep = Literal["start", "end"]
"""Which end of a text that is too long survives: the end of a conversation is its newest utterance."""

LONG = 20_000  # characters; beyond this only one end of the text is tokenised, where that changes nothing


class TokenWindow:
    """A tokenizer of the BERT kind (``[CLS] ... [SEP]``) with a length limit; threads may share it."""

    def __init__(self, tokenizer_file: Path, max_tokens: int) -> None:
        """Loads a ``tokenizer.json``; `max_tokens` counts the two special tokens.

        Raises:
            ModelError: the file is missing, damaged, or has no ``[CLS]`` and ``[SEP]``.
            MissingExtra: the `tokenizers` package is not installed.
        """
        tokenizers = require("tokenizers", "minilm", "the built-in text encoder")
        try:
            tokenizer: Any = tokenizers.Tokenizer.from_str(tokenizer_file.read_text(encoding="utf-8"))
        except OSError as error:
            raise ModelError(
                f"{tokenizer_file} cannot be read ({error.strerror}); reinstall the model"
            ) from error
        except Exception as error:  # the library raises bare Exception
            raise ModelError(f"{tokenizer_file} is not a tokenizer ({error}); reinstall the model") from error
        tokenizer.no_padding()
        tokenizer.no_truncation()
        begin, end = (tokenizer.token_to_id(token) for token in ("[CLS]", "[SEP]"))
        if begin is None or end is None:
            raise ModelError(f"{tokenizer_file} has no [CLS] and [SEP], expected a BERT tokenizer")
        self._tokenizer, self._begin, self._end = tokenizer, begin, end
        self._room = max_tokens - 2

    def ids(self, texts: Sequence[str], keep: Keep) -> list[list[int]]:
        """Token ids of each text, the special ones included; never empty, at most `max_tokens` long."""
        windows = [_one_end(text, keep) for text in texts]
        encoded = [encoding.ids for encoding in self._encode(windows)]
        for i, (text, window) in enumerate(zip(texts, windows, strict=True)):
            if len(window) < len(text) and len(encoded[i]) < self._room:
                encoded[i] = self._encode([text])[0].ids
        cut = [ids[-self._room :] if keep == "end" else ids[: self._room] for ids in encoded]
        return [[self._begin, *ids, self._end] for ids in cut]

    def _encode(self, texts: Sequence[str]) -> Any:
        return self._tokenizer.encode_batch(texts, add_special_tokens=False)


def _one_end(text: str, keep: Keep) -> str:
    """The first or last `LONG` characters of a longer text, without the word that the cut went through."""
    if len(text) <= LONG:
        return text
    window = text[:LONG] if keep == "start" else text[-LONG:]
    words = window.split()
    if keep == "start":
        return window if window[-1].isspace() else window[: -len(words[-1])]
    return window if window[0].isspace() else window[len(words[0]) :]
