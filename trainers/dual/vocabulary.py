"""The dual ranker's vocabulary: those of a published model's pieces that people use in English and Chinese.

Of all-MiniLM's 30,522 word pieces most never occur in chats, and only 244 are Chinese characters: four fifths
of a Chinese message would be unknown. Pieces that go are spelled by shorter ones that stay; characters that
come start from the mean of the embeddings and learn from the data. Of multilingual-e5's 250,002 pieces nine
tenths are of other languages; nothing has to be added to it.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retriever.encoders.dual.row import MARKERS
from retriever.encoders.dual.spelling import spell_emoji
from retriever.errors import InputError
from retriever.store.atomic import write_bytes

__all__ = ["Vocabulary", "build_vocabulary", "common_han", "keep_pieces", "write_tokenizer"]

_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_ALWAYS = 2_600
"""Pieces at the head of the published table (after its unused ones) that stay: the common words."""
_NEVER = -1e4
"""The log probability of a marker: any spelling of it is likelier."""
_SPACE = "\u2581"
_HAN = 4_000
"""Single Chinese characters that stay, simplified and traditional, the likeliest ones."""
_NO_WORD = re.compile(r"\[[\w ]+\]|</?\w+>")
"""Special and unused entries, most of them at the head of a published table of word pieces."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Pieces in the order of their new ids, and where each one's embedding comes from.

    Attributes:
        pieces: the markers first.
        source: the id in the published table, or None for a piece that is new; as long as `pieces`.
        scores: of a unigram model (Kudo 2018, arXiv:1804.10959), log probabilities as long as `pieces`; empty
            where text is cut into the longest pieces.
    """

    pieces: tuple[str, ...]
    source: tuple[int | None, ...]
    scores: tuple[float, ...] = ()


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
    published: Mapping[str, int],
    texts: Iterable[str],
    tokenizer: Any,
    size: int,
    markers: Mapping[str, str],
) -> Vocabulary:
    """Choose pieces by how often `texts` use them.

    Args:
        published: piece -> id of the model that is started from.
        texts: of the training splits and the stickers' documents.
        tokenizer: the published one (``tokenizers.Tokenizer``), without special tokens or truncation.
        size: how many pieces at most, characters and markers included.
        markers: which published pieces some of `MARKERS` start from; the others are new.

    Raises:
        InputError: single characters and the common words alone are more.
    """
    counts: Counter[str] = Counter()
    han: Counter[str] = Counter()
    for block in _blocks(texts):
        spelled = [spell_emoji(text) for text in block]
        for row in tokenizer.encode_batch(spelled, add_special_tokens=False):
            counts.update(row.tokens)
        for text in spelled:
            han.update(character for character in text if "\u4e00" <= character <= "\u9fff")
    by_id = [piece for piece in sorted(published, key=published.__getitem__) if not _NO_WORD.fullmatch(piece)]
    single = [piece for piece in by_id if len(piece.removeprefix("##")) == 1]
    characters = [c for c, n in han.most_common() if n >= 2] + common_han()
    chosen = dict.fromkeys([*single, *characters, *by_id[:_ALWAYS]])
    used = (piece for piece, _ in counts.most_common())
    for piece in (*used, *by_id):
        if len(chosen) >= size - len(MARKERS):
            break
        chosen.setdefault(piece)
    for piece in [piece for piece in chosen if _NO_WORD.fullmatch(piece)]:  # text was unknown to it
        del chosen[piece]
    _has_room(len(chosen), size)
    ordered = sorted(chosen, key=lambda piece: published.get(piece, len(published)))
    pieces = (*MARKERS, *ordered)
    started = (published[markers[marker]] if marker in markers else None for marker in MARKERS)
    return Vocabulary(pieces, (*started, *(published.get(piece) for piece in ordered)))


def keep_pieces(
    pieces: Sequence[str],
    scores: Sequence[float],
    markers: Mapping[str, str],
    texts: Iterable[str],
    size: int = 22_000,
) -> Vocabulary:
    """Keep those pieces of a unigram model that `texts` use, then the likeliest of the two languages.

    Args:
        pieces, scores: of the published model, by id.
        markers: which of `pieces` each of `MARKERS` starts from.
        texts: as for `build_vocabulary`.
        size: how many pieces at most, markers included.

    Raises:
        InputError: single characters alone are more.
    """
    tokenizer = _unigram(pieces, scores, unknown=pieces.index(markers["[UNK]"]))
    counts: Counter[str] = Counter()
    for block in _blocks(texts):
        for row in tokenizer.encode_batch([spell_emoji(text) for text in block], add_special_tokens=False):
            counts.update(row.tokens)
    number = {piece: at for at, piece in enumerate(pieces)}
    special = {markers[marker] for marker in _SPECIAL}
    ours = [piece for piece in pieces if piece and piece not in special and _is_ours(piece)]
    likeliest = sorted(ours, key=lambda piece: -scores[number[piece]])
    single = [piece for piece in likeliest if len(piece) == 1]
    rare = set([piece for piece in single if not piece.isascii() and piece != _SPACE][_HAN:])
    wanted = dict.fromkeys(piece for piece in single if piece not in rare)
    used = (piece for piece, _ in counts.most_common() if piece in number and piece not in special)
    for piece in (*used, *likeliest):
        if len(wanted) >= size - len(MARKERS):
            break
        wanted.setdefault(piece)
    _has_room(len(wanted), size)
    kept = sorted(wanted, key=number.__getitem__)
    source = (*(number[markers[marker]] for marker in MARKERS), *(number[piece] for piece in kept))
    never = (_NEVER,) * len(MARKERS)
    return Vocabulary((*MARKERS, *kept), source, (*never, *(float(scores[number[piece]]) for piece in kept)))


def _has_room(chosen: int, size: int) -> None:
    if chosen + len(MARKERS) > size:
        raise InputError(
            f"vocabulary is {size}, but characters, common words and markers, which always stay, are "
            f"{chosen + len(MARKERS)}; allow for as many at least"
        )


def write_tokenizer(vocabulary: Vocabulary, path: Path) -> None:
    """A ``tokenizer.json`` that cuts as the published model does, with no token that text could trigger."""
    if vocabulary.scores:
        tokenizer = _unigram(vocabulary.pieces, vocabulary.scores, MARKERS.index("[UNK]"))
    else:
        tokenizer = _word_pieces(vocabulary.pieces)
    # one piece a line would be 25,000 lines in every diff
    compact = json.dumps(json.loads(tokenizer.to_str()), ensure_ascii=False, separators=(",", ":"))
    write_bytes(path, f"{compact}\n".encode())  # other processes of the run read it meanwhile


def _word_pieces(pieces: Sequence[str]) -> Any:
    """BERT's: lower-cased, cut at spaces and punctuation, then into the longest pieces."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

    table = {piece: number for number, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.WordPiece(table, unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer


def _unigram(pieces: Sequence[str], scores: Sequence[float], unknown: int) -> Any:
    """SentencePiece's: every word with a mark for the space before it, cut into the likeliest pieces."""
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

    table = [(piece, float(score)) for piece, score in zip(pieces, scores, strict=True)]
    tokenizer = Tokenizer(models.Unigram(table, unk_id=unknown))
    one_space = normalizers.Replace(Regex(r"\s+"), " ")
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), one_space])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    return tokenizer


def _is_ours(piece: str) -> bool:
    """Whether English or Chinese text can have the piece."""
    return all(char.isascii() or "\u4e00" <= char <= "\u9fff" for char in piece.lstrip(_SPACE))


def _blocks(texts: Iterable[str], size: int = 4096) -> Iterable[list[str]]:
    block: list[str] = []
    for text in texts:
        block.append(text)
        if len(block) == size:
            yield block
            block = []
    if block:
        yield block
