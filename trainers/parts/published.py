"""A published BERT's weights as the start of a ranker's layers."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from retriever.rankers.parts.text import AttentiveEncoder
from trainers.parts.published_text import PublishedText

__all__ = ["PublishedBert"]

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
class PublishedBert(PublishedText):
    """A BERT, by transformers' names.

    Attributes:
        speakers: whether it knows the marks of ``reading = "speakers"``.
    """

    speakers: bool = False

    def fill_text(self, encoder: nn.Module) -> set[str]:
        """Into an `AttentiveEncoder`.

        The first token type, the only one a conversation has, is added to the positions. Words that the
        encoder has beyond the published ones (speaker tags, say) stay as they are.
        """
        assert isinstance(encoder, AttentiveEncoder)
        prefix = "text."
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


def _copy(module: nn.Module, values: dict[str, Tensor], prefix: str) -> set[str]:
    own = dict(module.named_parameters())
    with torch.no_grad():
        for name, value in values.items():
            own[name].copy_(value)
    return {prefix + name for name in values}


def _fits(layer: nn.Module, values: dict[str, Tensor]) -> bool:
    own = dict(layer.named_parameters())
    return all(own[name].shape == value.shape for name, value in values.items())
