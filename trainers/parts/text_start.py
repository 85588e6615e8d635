"""Where a text encoder starts from: its vocabulary, its published weights, its word vectors."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from retriever.errors import InputError
from retriever.rankers.parts.config import TextConfig
from retriever.rankers.parts.pieces import Pieces, WordPieces, Words, load_pieces
from retriever.store.atomic import new_folder
from trainers.parts.bert import read_bert
from trainers.parts.clip import read_clip
from trainers.parts.gpt2 import read_gpt2
from trainers.parts.published_text import PublishedText
from trainers.parts.vectors import read_vectors

__all__ = ["TextStart", "start_text"]


@dataclass(frozen=True)
class TextStart:
    """What a text encoder begins with.

    Attributes:
        config: with the sizes of the published weights, where it names some.
        pieces: the vocabulary.
        published: the published weights, or None.
    """

    config: TextConfig
    pieces: Pieces
    published: PublishedText | None

    def fill_words(self, words: nn.Embedding) -> bool:
        """Put the word vectors that the configuration names into a word table; whether it names some.

        Raises:
            InputError, ModelError: the file is missing, damaged, or of another width.
        """
        if self.config.vectors is None:
            return False
        assert isinstance(self.pieces, Words)
        read_vectors(Path(self.config.vectors).expanduser(), self.pieces, words)
        return True


def start_text(config: TextConfig, texts: Iterable[str], work: Path | None = None) -> TextStart:
    """Read what `config` names; learn a vocabulary where it names nothing.

    Args:
        texts: the training split's utterances, read only where a vocabulary has to be learnt.
        work: a folder that keeps a learnt vocabulary, so that a run that goes on has the same one.

    Raises:
        ModelError: published weights cannot be had.
        InputError: sizes contradict the published ones.
    """
    published = _READERS[config.kind](config.pretrained) if config.pretrained else None
    if config.reading == "speakers" and not getattr(published, "speakers", False):
        raise InputError(
            f"text.reading is 'speakers', but {config.pretrained or 'a vocabulary learnt anew'} has no marks "
            "of speakers; start from 'starter', or read 'turns'"
        )
    if published is None:
        return TextStart(config, _vocabulary(config, texts, work), None)
    return TextStart(_sized(config, published), published.pieces, published)


_READERS: dict[str, Callable[[str], PublishedText]] = {
    "bert": read_bert,
    "clip": read_clip,
    "gpt2": read_gpt2,
}


def _sized(text: TextConfig, published: PublishedText) -> TextConfig:
    if text.layers > published.layers:
        raise InputError(
            f"text.layers is {text.layers}, but {text.pretrained} has {published.layers}; take fewer of them"
        )
    if text.max_tokens > published.positions:
        raise InputError(
            f"text.max_tokens is {text.max_tokens}, but {text.pretrained} reads at most {published.positions}"
        )
    sizes = ("width", "heads", "ffn", "activation")
    return text.model_copy(update={name: getattr(published, name) for name in sizes})


def _vocabulary(text: TextConfig, texts: Iterable[str], work: Path | None) -> Pieces:
    place = work / "tokenizer" if work is not None else None
    if place is not None and place.is_dir():
        return load_pieces(place)
    pieces: Pieces
    if text.reads_pieces:
        pieces = WordPieces.learn(texts, text.vocabulary)
    else:
        pieces = Words.learn(texts, text.vocabulary, text.segment)
    if place is not None:
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            with new_folder(place) as folder:
                pieces.save(folder)
        except OSError:
            if not place.is_dir():  # else another process of the same run was first, with the same pieces
                raise
    return pieces
