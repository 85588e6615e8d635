"""The published text models that the dual ranker can start from: BERT, MPNet, or multilingual-e5-small."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from retriever.encoders.dual.row import MARKERS
from retriever.errors import ModelError
from retriever.extras import require
from trainers.dual.vocabulary import Vocabulary, build_vocabulary, keep_pieces
from trainers.parts.e5_file import read_e5
from trainers.parts.from_transformers import load_published

__all__ = ["Published", "published_e5", "published_text"]

_SHAPE = ("hidden_size", "num_attention_heads", "layer_norm_eps", "hidden_act", "model_type")
_E5_MARKERS = dict(
    zip(
        MARKERS,
        (
            "<pad>",
            "<unk>",
            "<s>",
            "</s>",
            "<mask>",
            "\u2581I",
            "\u2581you",
            "\u2581answer",
            "\u2581and",
            "\u2581image",
        ),
        strict=True,
    )
)
"""What the markers start from: pieces of the same purpose, or words for what they say."""

_BERT_MARKERS = {marker: marker for marker in ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")}

_MPNET_MARKERS = dict(
    zip(
        MARKERS,
        ("<pad>", "[UNK]", "<s>", "</s>", "<mask>", "i", "you", "answer", "and", "image"),
        strict=True,
    )
)

_READABLE = {"bert": "BertModel", "mpnet": "MPNetModel"}


@dataclass(frozen=True)
class Published:
    """A published model, read.

    Attributes:
        tower: a transformers BERT or MPNet; its word table is `table`.
        table: (v, h) word embeddings.
        shape: ``config.json``'s fields that shape the tower, but for the number of layers.
        choose: texts and a size to the vocabulary that is kept.
    """

    tower: Any
    table: Tensor
    shape: dict[str, float | int | str]
    choose: Callable[[Sequence[str], int], Vocabulary]


def published_text(source: str, dropout: float = 0.0) -> Published:
    """A BERT or MPNet with word pieces, by hub id or from a folder as transformers writes it.

    Args:
        dropout: of its states and of its attention, whatever it was published with.

    Raises:
        ModelError: it cannot be had, is another kind of model, or its weights are incomplete.
    """
    place = Path(source).expanduser()
    if place.is_dir() and not (place / "tokenizer.json").is_file():
        raise ModelError(f"{source} has no tokenizer.json")  # transformers would make up an empty one
    loaded = load_published(source, "BERT or MPNet", _READABLE, add_pooling_layer=False, **_dropout(dropout))
    from tokenizers import Tokenizer  # transformers brings it, and has been asked for

    kind, shape = loaded.config.model_type, loaded.config.to_dict()
    tokenizer = Tokenizer.from_str(loaded.tokenizer)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    keys = (*_SHAPE, *(("relative_attention_num_buckets",) if kind == "mpnet" else ()))

    def choose(texts: Sequence[str], size: int) -> Vocabulary:
        markers = _MPNET_MARKERS if kind == "mpnet" else _BERT_MARKERS
        return build_vocabulary(tokenizer.get_vocab(), texts, tokenizer, size, markers)

    table = loaded.model.embeddings.word_embeddings.weight.detach()
    return Published(loaded.model, table, {key: shape[key] for key in keys}, choose)


def published_e5(path: Path, dropout: float = 0.0) -> Published:
    """multilingual-e5-small with its unigram pieces; see `trainers.parts.e5_file`.

    Args:
        dropout: as of `published_text`.

    Raises:
        ModelError: the file cannot be read.
    """
    require("transformers", "torch", "training the dual ranker")
    from transformers import BertConfig, BertModel

    file = read_e5(path)
    weights = {name: torch.from_numpy(value.copy()) for name, value in file.weights.items()}
    words = "embeddings.word_embeddings.weight"
    table = weights.pop(words)
    sizes: dict[str, Any] = {
        **file.shape,
        "max_position_embeddings": len(weights["embeddings.position_embeddings.weight"]),
        "type_vocab_size": len(weights["embeddings.token_type_embeddings.weight"]),
        "vocab_size": 1,  # words come as vectors
    }
    tower = BertModel(BertConfig(**sizes, **_dropout(dropout)), add_pooling_layer=False)
    missing = tower.load_state_dict(weights, strict=False)
    if missing.missing_keys != [words] or missing.unexpected_keys:
        raise ModelError(f"{path} does not hold the weights of a BERT: {missing}")

    def choose(texts: Sequence[str], size: int) -> Vocabulary:
        return keep_pieces(file.pieces, file.scores.tolist(), _E5_MARKERS, texts, size)

    return Published(tower, table, {key: file.shape[key] for key in _SHAPE}, choose)


def _dropout(rate: float) -> dict[str, Any]:
    return {"attention_probs_dropout_prob": rate, "hidden_dropout_prob": rate}
