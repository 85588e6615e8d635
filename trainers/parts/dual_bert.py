"""A dual checkpoint's text tower, such as that of the ranker that ships, as the start of another ranker's."""

from pathlib import Path

import torch
from safetensors import SafetensorError

from retriever.checkpoints import WEIGHTS, read_config
from retriever.errors import ModelError
from retriever.rankers.parts.pieces import WordPieces
from trainers.parts.int8 import load_weights
from trainers.parts.published import PublishedBert

__all__ = ["is_dual", "read_dual_bert"]

_TOWER = ("embeddings.", "encoder.")
_UP = "encoder.layer.0.intermediate.dense.weight"


def is_dual(folder: Path) -> bool:
    """Whether `folder` is a checkpoint of this project's dual family."""
    try:
        return bool(read_config(folder)["family"] == "dual")
    except ModelError:
        return False


def read_dual_bert(folder: Path) -> PublishedBert:
    """Read the tower of a dual checkpoint, rounded to int8 as it is.

    It was trained to be pooled by ``text.pool = "last"`` and, unless speakers were written out for it, to
    read ``text.reading = "speakers"``.

    Raises:
        ModelError: no checkpoint, a damaged one, or one whose tower is no BERT.
    """
    config = read_config(folder)
    if config["model_type"] != "bert":
        raise ModelError(
            f"the text tower of {folder} is of the kind {config['model_type']!r}; others start from a BERT"
        )
    try:
        stored = load_weights(folder / WEIGHTS)
        pieces = WordPieces((folder / "tokenizer.json").read_text(encoding="utf-8"))
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{folder} cannot be read ({error}); copy the checkpoint again") from error
    tower = {name: torch.from_numpy(value) for name, value in stored.items() if name.startswith(_TOWER)}
    return PublishedBert(
        tower,
        pieces,
        int(config["num_hidden_layers"]),
        int(config["hidden_size"]),
        int(config["num_attention_heads"]),
        len(tower[_UP]),
        len(tower["embeddings.position_embeddings.weight"]),
        str(config["hidden_act"]),
        speakers=config.get("reading", "markers") == "markers",
    )
