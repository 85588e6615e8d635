"""A published BERT as the start of a ranker's layers."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from retriever.encoders.minilm import minilm_folder
from retriever.errors import ModelError
from retriever.extras import require
from retriever.rankers.parts.pieces import WordPieces
from retriever.rankers.parts.text import AttentiveEncoder

__all__ = ["PublishedBert", "read_bert"]

PURPOSE = "starting from a published BERT"

_NAMES = {
    "attention.self.query": "attention.query",
    "attention.self.key": "attention.key",
    "attention.self.value": "attention.value",
    "attention.output.dense": "attention.output",
    "attention.output.LayerNorm": "attention.norm",
    "intermediate.dense": "up",
    "output.dense": "down",
    "output.LayerNorm": "norm",
}
"""Where transformers' names of a layer's parts are here."""

_LAYER = re.compile(r"encoder\.layer\.(\d+)\.(.+)\.(weight|bias)")


@dataclass(frozen=True)
class PublishedBert:
    """The weights of a BERT, read into memory.

    Attributes:
        state: its weights, by transformers' names.
        pieces: its tokenizer.
        layers, width, heads, ffn, positions: its sizes.
    """

    state: dict[str, Tensor]
    pieces: WordPieces
    layers: int
    width: int
    heads: int
    ffn: int
    positions: int

    def fill_text(self, encoder: AttentiveEncoder, prefix: str = "text.") -> set[str]:
        """Put tables and the first layers into a text encoder.

        The first token type, the only one a conversation has, is added to the positions. Words that the
        encoder has beyond the published ones (speaker tags, say) stay as they are.

        Args:
            prefix: of the names that come back: where the encoder is in its model.

        Returns:
            Names of the parameters that were filled.
        """
        part = {
            "positions.weight": (
                self.state["embeddings.position_embeddings.weight"]
                + self.state["embeddings.token_type_embeddings.weight"][:1]
            )[: encoder.positions.num_embeddings],
            "norm.weight": self.state["embeddings.LayerNorm.weight"],
            "norm.bias": self.state["embeddings.LayerNorm.bias"],
        }
        words = self.state["embeddings.word_embeddings.weight"]
        with torch.no_grad():
            encoder.words.weight[: len(words)].copy_(words)
        filled = _copy(encoder, part, prefix) | {f"{prefix}words.weight"}
        return filled | self.fill_layers(encoder.layers, 0, f"{prefix}layers.")

    def fill_layers(self, layers: Iterable[nn.Module], first: int, prefix: str) -> set[str]:
        """Put the BERT's layers from number `first` on into `layers`, as far as it goes and they fit.

        Cross attention, which a BERT has none of, stays as it is.

        Returns:
            Names of the parameters that were filled, each beginning with `prefix` and the layer's number.
        """
        published = self._layers()
        filled: set[str] = set()
        for number, layer in enumerate(layers):
            source = first + number
            if source < len(published) and _fits(layer, published[source]):
                filled |= _copy(layer, published[source], f"{prefix}{number}.")
        return filled

    def _layers(self) -> list[dict[str, Tensor]]:
        layers: list[dict[str, Tensor]] = [{} for _ in range(self.layers)]
        for name, value in self.state.items():
            found = _LAYER.fullmatch(name)
            if found:
                number, part, kind = found.groups()
                layers[int(number)][f"{_NAMES[part]}.{kind}"] = value
        return layers


def read_bert(source: str) -> PublishedBert:
    """Read a BERT.

    Args:
        source: a hub id, a local folder, or ``minilm``, the packaged all-MiniLM-L6-v2.

    Raises:
        ModelError: it cannot be had, is no BERT, or lacks weights or a tokenizer.
        MissingExtra: transformers (or the packaged model) is not installed.
    """
    transformers = require("transformers", "train", PURPOSE)
    place = minilm_folder() if source == "minilm" else Path(source).expanduser()
    name = str(place) if place.is_dir() else source
    if not place.is_dir() and (source.startswith((".", "/", "~")) or source.count("/") > 1):
        raise ModelError(f"there is no folder {place}; give the folder of a BERT, a hub id, or 'minilm'")
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
    )


def _copy(module: nn.Module, values: dict[str, Tensor], prefix: str) -> set[str]:
    own = dict(module.named_parameters())
    with torch.no_grad():
        for name, value in values.items():
            own[name].copy_(value)
    return {prefix + name for name in values}


def _fits(layer: nn.Module, values: dict[str, Tensor]) -> bool:
    own = dict(layer.named_parameters())
    return all(own[name].shape == value.shape for name, value in values.items())
