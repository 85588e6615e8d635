"""Where the dual ranker starts from: a published text model with its vocabulary cut and widened."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from retriever.encoders.dual.row import MARKERS
from retriever.encoders.dual.tokens import DualTokens
from retriever.encoders.dual.written import FRAME
from retriever.encoders.minilm import minilm_folder
from retriever.errors import InputError
from trainers.dual.config import DualConfig
from trainers.dual.published import Published, published_e5, published_text
from trainers.dual.vocabulary import Vocabulary, write_tokenizer
from trainers.parts.e5_file import e5_path

__all__ = ["Start", "start_from"]


@dataclass(frozen=True)
class Start:
    """What training begins with.

    Attributes:
        tower: a transformers BERT or MPNet without word embeddings of its own.
        words: (v, h) word embeddings of the new vocabulary.
        n_new: how many of its last rows no published row stands behind.
        tokens: the tokenizer, written to `tokenizer_file`.
        shape: of the tower: what ``config.json`` of a checkpoint says.
    """

    tower: nn.Module
    words: Tensor
    n_new: int
    tokens: DualTokens
    tokenizer_file: Path
    shape: dict[str, float | int | str]

    @property
    def is_mpnet(self) -> bool:
        """Whether `tower` is an MPNet."""
        return self.shape["model_type"] == "mpnet"


def start_from(config: DualConfig, texts: Sequence[str], work: Path) -> Start:
    """Load the published model and give it a vocabulary chosen by `texts`.

    Raises:
        InputError: it has fewer layers than are to be kept, or `vocabulary` is too small.
        ModelError: `start` cannot be had, is another kind of model, or its weights are incomplete.
        MissingExtra: the package of the published model is not installed.
    """
    published = _published(config)
    work.mkdir(parents=True, exist_ok=True)
    file = work / "tokenizer.json"
    around = FRAME if config.reading == "words" else ()
    vocabulary = _new_ones_last(published.choose([*around, *texts], config.vocabulary))
    write_tokenizer(vocabulary, file)
    tower, table = published.tower, published.table
    if config.layers is not None:
        if config.layers > len(tower.encoder.layer):
            raise InputError(
                f"layers is {config.layers}, but {config.start} has {len(tower.encoder.layer)} layers"
            )
        tower.encoder.layer = tower.encoder.layer[: config.layers]
        tower.config.num_hidden_layers = config.layers
    average = table.mean(0)
    words = torch.stack([average if at is None else table[at] for at in vocabulary.source])
    n_new = sum(at is None for at in vocabulary.source[len(MARKERS) :])
    generator = torch.Generator().manual_seed(config.train.seed)
    spread = float(table.std())
    new = words[len(words) - n_new :]
    new += 0.5 * spread * torch.randn(new.shape, generator=generator)
    tower.embeddings.word_embeddings = nn.Identity()  # words come as vectors; nothing to train or save there
    return Start(
        tower,
        words,
        n_new,
        DualTokens(file, config.max_tokens, config.reading, config.turns),
        file,
        {**published.shape, "num_hidden_layers": len(tower.encoder.layer)},
    )


def _published(config: DualConfig) -> Published:
    if config.start == "e5":
        return published_e5(e5_path(), config.dropout)
    source = str(minilm_folder()) if config.start == "minilm" else config.start
    return published_text(source, config.dropout)


def _new_ones_last(vocabulary: Vocabulary) -> Vocabulary:
    """Markers first, then what is taken over, then what is new, so that two tables make one."""
    n = len(MARKERS)
    scores = vocabulary.scores or (0.0,) * len(vocabulary.pieces)
    rows = list(zip(vocabulary.pieces, vocabulary.source, scores, strict=True))
    ordered = rows[:n] + sorted(rows[n:], key=lambda row: row[1] is None)
    pieces, source, scores = zip(*ordered, strict=True)
    return Vocabulary(pieces, source, scores if vocabulary.scores else ())
