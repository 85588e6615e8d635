"""Where the dual ranker starts from: a published text model with its vocabulary cut and widened."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from retriever.encoders.dual.tokens import DualTokens
from retriever.encoders.minilm import minilm_folder
from retriever.errors import ModelError
from retriever.extras import require
from trainers.dual.config import DualConfig
from trainers.dual.vocabulary import Vocabulary, build_vocabulary, write_tokenizer

__all__ = ["Start", "start_from"]


@dataclass(frozen=True)
class Start:
    """What training begins with.

    Attributes:
        tower: a transformers BERT without word embeddings of its own.
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


def start_from(config: DualConfig, texts: Sequence[str], work: Path) -> Start:
    """Load the published model and give it a vocabulary chosen by `texts`.

    Raises:
        ModelError: the folder has no BERT, or one whose weights are incomplete.
    """
    require("transformers", "torch", "training the dual ranker")
    from tokenizers import Tokenizer
    from transformers import BertModel

    folder = minilm_folder() if config.start == "minilm" else Path(config.start).expanduser()
    if not (folder / "tokenizer.json").is_file():
        raise ModelError(f"{folder} has no tokenizer.json; start must be the folder of a BERT")
    published = Tokenizer.from_file(str(folder / "tokenizer.json"))
    published.no_truncation()
    published.no_padding()
    vocabulary = build_vocabulary(published.get_vocab(), texts, published, config.vocabulary)
    work.mkdir(parents=True, exist_ok=True)
    file = work / "tokenizer.json"
    vocabulary = _new_ones_last(vocabulary)
    write_tokenizer(vocabulary, file)

    loaded: Any = BertModel.from_pretrained(
        str(folder),
        add_pooling_layer=False,
        dtype=torch.float32,
        output_loading_info=True,
        attention_probs_dropout_prob=0.0,  # on a CPU a third of a step would go into drawing them
        hidden_dropout_prob=0.0,
    )
    tower, info = loaded
    if info["missing_keys"]:
        raise ModelError(f"{folder} lacks weights: {', '.join(sorted(info['missing_keys'])[:3])}")
    if config.layers is not None:
        tower.encoder.layer = tower.encoder.layer[: config.layers]
        tower.config.num_hidden_layers = config.layers
    table = tower.embeddings.word_embeddings.weight.detach()
    average = table.mean(0)
    words = torch.stack([average if at is None else table[at] for at in vocabulary.source])
    n_new = sum(at is None for at in vocabulary.source[_n_markers() :])
    generator = torch.Generator().manual_seed(config.train.seed)
    spread = float(table.std())
    new = words[len(words) - n_new :]
    new += 0.5 * spread * torch.randn(new.shape, generator=generator)
    tower.embeddings.word_embeddings = nn.Identity()  # words come as vectors; nothing to train or save there
    shape = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    kept = ("hidden_size", "num_attention_heads", "layer_norm_eps", "hidden_act", "model_type")
    return Start(
        tower,
        words,
        n_new,
        DualTokens(file, config.max_tokens),
        file,
        {**{key: shape[key] for key in kept}, "num_hidden_layers": len(tower.encoder.layer)},
    )


def _new_ones_last(vocabulary: Vocabulary) -> Vocabulary:
    """Markers first, then what is taken over, then what is new, so that two tables make one."""
    n = _n_markers()
    pairs = list(zip(vocabulary.pieces, vocabulary.source, strict=True))
    ordered = pairs[:n] + sorted(pairs[n:], key=lambda pair: pair[1] is None)
    return Vocabulary(tuple(piece for piece, _ in ordered), tuple(at for _, at in ordered))


def _n_markers() -> int:
    from retriever.encoders.dual.tokens import MARKERS

    return len(MARKERS)
