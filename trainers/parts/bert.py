"""Where a published BERT is read from: the hub, a folder, or what comes with the packages."""

from pathlib import Path
from typing import Any

import torch

from retriever.checkpoints import STARTER
from retriever.encoders.minilm import minilm_folder
from retriever.errors import ModelError
from retriever.extras import require
from retriever.rankers.parts.pieces import WordPieces
from trainers.parts.dual_bert import is_dual, read_dual_bert
from trainers.parts.published import PublishedBert

__all__ = ["read_bert"]

PURPOSE = "starting from a published BERT"


def read_bert(source: str) -> PublishedBert:
    """Read a BERT.

    Args:
        source: a hub id, a local folder (of a BERT, or a dual checkpoint), ``minilm``, the packaged
            all-MiniLM-L6-v2, or ``starter``, the text tower of the ranker that ships.

    Raises:
        ModelError: it cannot be had, is no BERT, or lacks weights or a tokenizer.
        MissingExtra: transformers (or the packaged model) is not installed.
    """
    place = STARTER if source == "starter" else Path(source).expanduser()
    if is_dual(place):
        return read_dual_bert(place)
    transformers = require("transformers", "train", PURPOSE)
    if source == "minilm":
        place = minilm_folder()
    name = str(place) if place.is_dir() else source
    if not place.is_dir() and (source.startswith((".", "/", "~")) or source.count("/") > 1):
        raise ModelError(f"there is no folder {place}; give a BERT's folder, a hub id, 'minilm' or 'starter'")
    try:
        config: Any = transformers.AutoConfig.from_pretrained(name)
        if config.model_type != "bert":
            raise ModelError(f"{source} is a {config.model_type!r} model; the text encoder is a 'bert'")
        loaded: Any = transformers.BertModel.from_pretrained(
            name, add_pooling_layer=False, dtype=torch.float32, output_loading_info=True
        )
        model, info = loaded
        tokenizer: Any = transformers.AutoTokenizer.from_pretrained(name)
        pieces = WordPieces(tokenizer.backend_tokenizer.to_str())
    except ModelError:
        raise
    except Exception as error:  # transformers and its hub client raise a dozen kinds
        said = " ".join(str(error).split())[:200]
        raise ModelError(
            f"{source} cannot be loaded as a BERT ({said}); give a local folder with config.json, "
            "model.safetensors and tokenizer.json, or a hub id that can be reached"
        ) from error
    missing = sorted(info["missing_keys"])
    if missing:
        raise ModelError(f"{source} lacks weights: {', '.join(missing[:3])} ({len(missing)} in all)")
    if config.hidden_act != "gelu":
        raise ModelError(f"{source} has the activation {config.hidden_act!r}; the layers here have 'gelu'")
    return PublishedBert(
        {name: value.detach() for name, value in model.state_dict().items()},
        pieces,
        config.num_hidden_layers,
        config.hidden_size,
        config.num_attention_heads,
        config.intermediate_size,
        config.max_position_embeddings,
        config.hidden_act,
    )
