"""The dual ranker's vocabulary: all-MiniLM's pieces that people use, and Chinese characters beside them.

Most of the published vocabulary's 30,522 pieces never occur in chats, and only 244 of them are Chinese
characters: four fifths of a Chinese message would be unknown. Pieces that go are spelled by shorter ones that
stay; characters that come start from the mean of the embeddings and learn from the data.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retriever.encoders.dual.tokens import MARKERS, spell_emoji

__all__ = ["Vocabulary", "build_vocabulary", "common_han", "write_tokenizer"]

_TAKEN_OVER = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_ALWAYS = 2_600
"""Pieces at the head of the published table (after its unused ones) that stay: the common words."""
_FIRST_WORD = 999  # the published table begins with [PAD], unused entries and the other special ones


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Pieces in the order of their new ids, and where each one's embedding comes from.

    Attributes:
        pieces: the markers first.
        source: the id in the published table, or None for a piece that is new; as long as `pieces`.
    """

    pieces: tuple[str, ...]
    source: tuple[int | None, ...]


def common_han() -> list[str]:
    """The 3,755 characters of the first level of GB 2312 (1980), the most used ones, in its order."""
    found = []
    for row in range(0xB0, 0xD8):
        for cell in range(0xA1, 0xFF):
            try:
                found.append(bytes((row, cell)).decode("gb2312"))
            except UnicodeDecodeError:  # the last row is not full
                continue
    return found


def build_vocabulary(
    published: Mapping[str, int], texts: Iterable[str], tokenizer: Any, size: int = 22_000
) -> Vocabulary:
    """Choose pieces by how often `texts` use them.

    Args:
        published: piece -> id of the model that is started from.
        texts: of the training splits and the stickers' documents.
        tokenizer: the published one (``tokenizers.Tokenizer``), without special tokens or truncation.
        size: how many pieces at most, characters and markers included.
    """
    counts: Counter[str] = Counter()
    han: Counter[str] = Counter()
    for block in _blocks(texts):
        spelled = [spell_emoji(text) for text in block]
        for row in tokenizer.encode_batch(spelled, add_special_tokens=False):
            counts.update(row.tokens)
        for text in spelled:
            han.update(character for character in text if "\u4e00" <= character <= "\u9fff")
    by_id = sorted(published, key=published.__getitem__)
    single = [piece for piece in by_id if len(piece.removeprefix("##")) == 1]
    characters = [c for c, n in han.most_common() if n >= 2] + common_han()
    chosen = dict.fromkeys([*single, *characters, *by_id[_FIRST_WORD : _FIRST_WORD + _ALWAYS]])
    used = (piece for piece, _ in counts.most_common())
    for piece in (*used, *by_id[_FIRST_WORD:]):
        if len(chosen) >= size - len(MARKERS):
            break
        chosen.setdefault(piece)
    for marker in MARKERS:
        chosen.pop(marker, None)
    ordered = sorted(chosen, key=lambda piece: published.get(piece, len(published)))
    pieces = (*MARKERS, *ordered)
    source = tuple(
        published.get(piece) if piece not in MARKERS or piece in _TAKEN_OVER else None for piece in pieces
    )
    return Vocabulary(pieces, source)


def write_tokenizer(vocabulary: Vocabulary, path: Path) -> None:
    """A ``tokenizer.json``: BERT's normalisation and word pieces, and no token that text could trigger."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

    table = {piece: number for number, piece in enumerate(vocabulary.pieces)}
    tokenizer = Tokenizer(models.WordPiece(table, unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    # one piece a line would be 25,000 lines in every diff
    path.write_text(
        json.dumps(json.loads(tokenizer.to_str()), ensure_ascii=False, separators=(",", ":")) + "\n",
        encoding="utf-8",
    )


def _blocks(texts: Iterable[str], size: int = 4096) -> Iterable[list[str]]:
    block: list[str] = []
    for text in texts:
        block.append(text)
        if len(block) == size:
            yield block
            block = []
    if block:
        yield block
