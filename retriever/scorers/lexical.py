"""The `lexical` scorer: BM25 between the words of a conversation and the words of a sticker.

Okapi BM25 in Lucene's variant (Kamphuis et al., ECIR 2020), by the bm25s library: scores are computed once,
at build time, into a sparse matrix, so that a query only adds up a few columns.
"""

import json
import logging
from collections.abc import Iterable, Sequence
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from retriever.documents import DOCUMENT_FIELDS, field_texts
from retriever.errors import InputError, LibraryDamaged, ManifestMismatch
from retriever.query import query_tokens
from retriever.scorers.base import Scores
from retriever.tokenize import TOKENIZER_VERSION, tokenize
from retriever.types import Conversation, Sticker

if TYPE_CHECKING:
    import bm25s

__all__ = ["LexicalScorer"]

K1 = 1.5
B = 0.75
_MANIFEST = "lexical.json"
_FORMAT = 1


class LexicalScorer:
    """BM25 over a library of stickers; a `retriever.scorers.base.Recaller`.

    Scores are 0 for a sticker that shares no word with the conversation, else positive, mostly below 30,
    comparable within one query only. Reading needs no lock: instances are immutable after `build` or `load`.
    """

    name = "lexical"

    def __init__(
        self,
        ids: Sequence[str],
        index: "bm25s.BM25 | None",
        settings: dict[str, Any],
        history: int,
        decay: float,
    ) -> None:
        """Use `build` or `load`. `index` is None where no sticker has a single word."""
        self._ids = tuple(ids)
        self._index = index
        self._settings = settings
        self.history = history
        self._decay = decay

    @classmethod
    def build(
        cls,
        stickers: Iterable[Sticker],
        fields: Sequence[str] = DOCUMENT_FIELDS,
        languages: Sequence[str] = (),
        *,
        history: int = 3,
        decay: float = 0.5,
    ) -> "LexicalScorer":
        """Index `stickers`, whose order becomes the row order; the iterable is read once and not kept.

        Args:
            stickers: the library; may be empty.
            fields, languages: as for `retriever.documents.document`; labels are left out unless asked for.
            history, decay: how a conversation is read, as for `retriever.query.query_tokens`.

        Raises:
            InputError: a field that does not exist.
        """
        ids: list[str] = []
        vocabulary: dict[str, int] = {}
        rows: list[list[int]] = []
        for sticker in stickers:
            ids.append(sticker.id)
            texts = (text for _, texts in field_texts(sticker, fields, languages) for text in texts)
            tokens = (token for text in texts for token in tokenize(text))
            rows.append([vocabulary.setdefault(token, len(vocabulary)) for token in tokens])
        settings = {
            "format": _FORMAT,
            "tokenizer": TOKENIZER_VERSION,
            "fields": list(fields),
            "languages": list(languages),
            "k1": K1,
            "b": B,
        }
        return cls(ids, _bm25(rows, vocabulary), settings, history, decay)

    def save(self, folder: Path) -> None:
        """Write the index into `folder`, new or empty; swapping it in whole is the caller's part."""
        folder.mkdir(parents=True, exist_ok=True)
        if self._index is not None:
            self._index.save(folder, show_progress=False)
        manifest = self._settings | {
            "n_stickers": len(self._ids),
            "ids_sha256": _digest(self._ids),
            "empty": self._index is None,
        }
        text = json.dumps(manifest, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
        (folder / _MANIFEST).write_text(text, encoding="utf-8")

    @classmethod
    def load(
        cls, folder: Path, stickers: Iterable[Sticker | str], *, history: int = 3, decay: float = 0.5
    ) -> "LexicalScorer":
        """Open what `save` wrote, memory-mapped, without reading a document again.

        Args:
            folder: as given to `save`.
            stickers: the same stickers in the same order as at `build`, or only their ids.
            history, decay: as for `build`; they are no part of the index.

        Raises:
            LibraryDamaged: a file is missing or unreadable.
            ManifestMismatch: made by another version or for other stickers.
        """
        advice = "`sticker index --rebuild` makes it anew"
        try:
            manifest = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
            made = (manifest["format"], manifest["tokenizer"])
            n_stickers, digest, empty = manifest["n_stickers"], manifest["ids_sha256"], manifest["empty"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise LibraryDamaged(
                f"the lexical index in {folder} is unreadable ({error!r}); {advice}"
            ) from error
        if made != (_FORMAT, TOKENIZER_VERSION):
            raise ManifestMismatch(
                f"the lexical index in {folder} has format {made[0]}, tokenizer {made[1]}; "
                f"expected {_FORMAT}, {TOKENIZER_VERSION}; {advice}"
            )
        ids = [sticker if isinstance(sticker, str) else sticker.id for sticker in stickers]
        if n_stickers != len(ids) or digest != _digest(ids):
            raise ManifestMismatch(
                f"the lexical index in {folder} was made for other stickers "
                f"({n_stickers} then, {len(ids)} now); {advice}"
            )
        settings = {
            key: manifest.get(key) for key in ("format", "tokenizer", "fields", "languages", "k1", "b")
        }
        index = None if empty else _open(folder, len(ids), advice)
        return cls(ids, index, settings, history, decay)

    def score_library(self, conversation: Conversation) -> Scores:
        """BM25 of every sticker, shape ``(n_library,)``; all 0 where the library has none of the words."""
        scores = np.zeros(len(self._ids), dtype=np.float64)
        if self._index is None:
            return scores
        vocabulary = self._index.vocab_dict
        matrix = self._index.scores
        for token, weight in query_tokens(conversation, self.history, self._decay).items():
            column = vocabulary.get(token)
            if column is not None:
                begin, end = matrix["indptr"][column], matrix["indptr"][column + 1]
                scores[matrix["indices"][begin:end]] += weight * matrix["data"][begin:end]
        return scores

    def score(self, conversation: Conversation, stickers: Sequence[Sticker]) -> Scores:
        """BM25 of the given stickers, shape ``(len(stickers),)``, with the whole library's word statistics.

        Raises:
            InputError: a sticker that is not in the index.
        """
        try:
            rows = [self._row_of[sticker.id] for sticker in stickers]
        except KeyError as error:
            raise InputError(
                f"sticker {error.args[0]!r} is not in the lexical index; index it first"
            ) from None
        return self.score_library(conversation)[np.asarray(rows, dtype=np.intp)]

    def __len__(self) -> int:
        """How many stickers are indexed."""
        return len(self._ids)

    @cached_property
    def _row_of(self) -> dict[str, int]:
        return {sticker_id: row for row, sticker_id in enumerate(self._ids)}


def _bm25(rows: list[list[int]], vocabulary: dict[str, int]) -> "bm25s.BM25 | None":
    """The index of token-id rows; None for an empty vocabulary, which bm25s cannot hold."""
    if not vocabulary:
        return None
    index = _library().BM25(k1=K1, b=B, method="lucene", backend="numpy", csc_backend="numpy")
    index.index((rows, vocabulary), create_empty_token=False, show_progress=False)
    return index


def _open(folder: Path, n_stickers: int, advice: str) -> "bm25s.BM25":
    try:
        index = _library().BM25.load(folder, mmap=True, show_progress=False)
        matrix = index.scores
        lengths = len(matrix["data"]), len(matrix["indices"]), matrix["num_docs"], len(matrix["indptr"])
        if lengths != (matrix["indptr"][-1], matrix["indptr"][-1], n_stickers, len(index.vocab_dict) + 1):
            raise ValueError("its files do not belong together")
        return index
    except (OSError, EOFError, ValueError, KeyError, TypeError, IndexError) as error:
        raise LibraryDamaged(f"the lexical index in {folder} is unreadable ({error!r}); {advice}") from error


def _library() -> Any:
    """bm25s, quiet: it sets its own logger to DEBUG when imported."""
    import bm25s

    logging.getLogger("bm25s").setLevel(logging.WARNING)
    return bm25s


def _digest(ids: Iterable[str]) -> str:
    return sha256("\n".join(ids).encode()).hexdigest()
