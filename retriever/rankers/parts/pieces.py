"""Utterances as numbers: word pieces for a BERT, words for the other text encoders."""

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from retriever.errors import ModelError
from retriever.extras import require

__all__ = ["MARKERS", "Pieces", "WordPieces", "Words", "load_pieces", "segmenter", "split_words"]

MARKERS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_KNOWN = (
    ("[PAD]", "[CLS]", "[SEP]"),
    ("<|endoftext|>", "<|startoftext|>", "<|endoftext|>"),  # CLIP's
    ("<|endoftext|>", "<|endoftext|>", "<|endoftext|>"),  # GPT-2's
)
"""What stands for padding, begins a text and ends it, by who made the tokenizer."""
PURPOSE = "the text encoder"
_PIECES, _WORDS = "tokenizer.json", "words.json"
_WORD_START = "\u2581"  # what stands for the space before a word
_WORD = re.compile(r"(?P<han>[\u3400-\u9fff\uf900-\ufaff]+)|[^\W_]+(?:['’][^\W_]+)*|[^\w\s]")


class Pieces(Protocol):
    """A vocabulary and how text is cut by it; threads may share one."""

    @property
    def size(self) -> int:
        """Entries of the vocabulary, markers included."""
        ...

    @property
    def markers(self) -> tuple[int, int, int]:
        """The numbers of [PAD], [CLS] and [SEP]."""
        ...

    @property
    def mask(self) -> int:
        """The number of [MASK]; ModelError where the vocabulary has none."""
        ...

    def cut(self, texts: Sequence[str]) -> list[list[int]]:
        """The numbers of each text's pieces, without markers; empty for a text of nothing but spaces."""
        ...

    def shown(self, text: str) -> list[str]:
        """What each piece of `cut` stands for, as people read it."""
        ...

    def save(self, folder: Path) -> None:
        """Write the vocabulary into a folder; `load_pieces` reads it again."""
        ...


class WordPieces:
    """The pieces of a ``tokenizer.json``. What a chat says can never come out as a marker.

    Args:
        source: the contents of the file.

    Raises:
        ModelError: it is no tokenizer, or lacks [PAD], [CLS] or [SEP] (or a CLIP's or GPT-2's markers).
    """

    def __init__(self, source: str) -> None:
        tokenizers = require("tokenizers", "train", PURPOSE)
        try:
            self._tokenizer: Any = tokenizers.Tokenizer.from_str(source)
        except Exception as error:  # the library raises bare Exception
            raise ModelError(f"the tokenizer cannot be read ({error}); copy the checkpoint again") from error
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._tokenizer.encode_special_tokens = True  # a chat's "[SEP]" is a word in brackets, no marker
        numbers = ([self._tokenizer.token_to_id(marker) for marker in markers] for markers in _KNOWN)
        found = next((row for row in numbers if None not in row), None)
        if found is None:
            raise ModelError("the tokenizer has no [PAD], [CLS] and [SEP]: not a BERT's, CLIP's or GPT-2's")
        self.markers: tuple[int, int, int] = (found[0], found[1], found[2])

    @classmethod
    def learn(cls, texts: Iterable[str], size: int) -> "WordPieces":
        """At most `size` byte pairs (Sennrich et al. 2016) of lower-cased text, Han characters one by one.

        Not WordPiece: its trainer gives other pieces in every run, these are a function of the texts. Half
        of the vocabulary at most are single characters, the most frequent ones.
        """
        tokenizers = require("tokenizers", "train", PURPOSE)
        from tokenizers import models, normalizers, pre_tokenizers, trainers

        tokenizer = tokenizers.Tokenizer(models.BPE(unk_token="[UNK]"))
        tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.BertPreTokenizer(), pre_tokenizers.Metaspace(prepend_scheme="always")]
        )
        read = list(texts)
        counts = Counter("".join(tokenizer.normalizer.normalize_str(text) for text in read))
        ranked = sorted((char for char in counts if not char.isspace()), key=lambda c: (-counts[c], c))
        alphabet = [_WORD_START, *ranked][: size // 2]
        trainer = trainers.BpeTrainer(
            vocab_size=size,
            special_tokens=list(MARKERS),
            initial_alphabet=alphabet,
            limit_alphabet=len(alphabet),
            show_progress=False,
        )
        tokenizer.train_from_iterator(read, trainer)
        return cls(tokenizer.to_str())

    def with_mask(self) -> "WordPieces":
        """The same with a [MASK], at the end of the vocabulary where it has none."""
        if self._tokenizer.token_to_id("[MASK]") is None:
            self._tokenizer.add_special_tokens(["[MASK]"])
        return self

    @property
    def size(self) -> int:
        """Entries of the vocabulary."""
        return int(self._tokenizer.get_vocab_size())

    @property
    def mask(self) -> int:
        """See `Pieces.mask`."""
        found = self._tokenizer.token_to_id("[MASK]")
        if found is None:
            raise ModelError("the tokenizer has no [MASK]; use a BERT's, or learn a vocabulary")
        return int(found)

    def cut(self, texts: Sequence[str]) -> list[list[int]]:
        """See `Pieces.cut`."""
        return [row.ids for row in self._tokenizer.encode_batch(list(texts), add_special_tokens=False)]

    def shown(self, text: str) -> list[str]:
        """See `Pieces.shown`."""
        spans = self._tokenizer.encode(text, add_special_tokens=False).offsets
        return [text[start:end] for start, end in spans]

    def save(self, folder: Path) -> None:
        """Write ``tokenizer.json``."""
        (folder / _PIECES).write_text(self._tokenizer.to_str(), encoding="utf-8")


class Words:
    """Whole words, lower-cased; unknown ones are all [UNK].

    Args:
        words: the vocabulary, beginning with `MARKERS`.
        segment: ``jieba`` cuts runs of Han characters into words and the rest at spaces and punctuation;
            ``spaces`` cuts at spaces alone: for text that is segmented already.

    Raises:
        ModelError: the vocabulary begins with something else.
    """

    def __init__(self, words: Sequence[str], segment: str = "jieba") -> None:
        if tuple(words[: len(MARKERS)]) != MARKERS:
            raise ModelError(f"the vocabulary begins with {list(words[:5])}, expected {list(MARKERS)}")
        self.words, self.segment = tuple(words), segment
        self._number = {word: at for at, word in enumerate(words) if at >= len(MARKERS)}
        self.markers = (0, 2, 3)
        self.mask = 4

    @classmethod
    def learn(cls, texts: Iterable[str], size: int, segment: str) -> "Words":
        """The `size` most frequent words, ties in the order of the words."""
        counts = Counter(word for text in texts for word in split_words(text, segment))
        ranked = sorted(counts, key=lambda word: (-counts[word], word))
        return cls([*MARKERS, *ranked[: size - len(MARKERS)]], segment)

    @property
    def size(self) -> int:
        """Entries of the vocabulary."""
        return len(self.words)

    def cut(self, texts: Sequence[str]) -> list[list[int]]:
        """See `Pieces.cut`."""
        return [[self._number.get(word, 1) for word in split_words(text, self.segment)] for text in texts]

    def shown(self, text: str) -> list[str]:
        """See `Pieces.shown`."""
        return split_words(text, self.segment)

    def save(self, folder: Path) -> None:
        """Write ``words.json``."""
        content = {"segment": self.segment, "words": self.words}
        (folder / _WORDS).write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


def load_pieces(folder: Path) -> Pieces:
    """What a `Pieces.save` has written.

    Raises:
        ModelError: nothing there, or damaged.
    """
    try:
        if (folder / _PIECES).is_file():
            return WordPieces((folder / _PIECES).read_text(encoding="utf-8"))
        content = json.loads((folder / _WORDS).read_text(encoding="utf-8"))
        return Words(content["words"], content["segment"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"{folder} has no readable tokenizer ({error}); copy the checkpoint again"
        ) from error


def split_words(text: str, segment: str) -> list[str]:
    """The words of `text`, NFKC-normalised and lower-cased."""
    folded = unicodedata.normalize("NFKC", text).lower()
    if segment == "spaces":
        return folded.split()
    words: list[str] = []
    for part in _WORD.finditer(folded):
        words += segmenter().lcut(part.group(), HMM=False) if part.lastgroup == "han" else [part.group()]
    return words


@cache
def segmenter() -> Any:
    """An own jieba tokenizer: words that others add to jieba's global one must not change our vocabulary."""
    import logging
    import warnings

    with warnings.catch_warnings():  # its source has invalid escapes, reported when it is first compiled
        warnings.simplefilter("ignore")
        import jieba
    jieba.setLogLevel(logging.CRITICAL)
    return jieba.Tokenizer()
