"""Published weights of a text encoder, read into memory; where their files are."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor, nn

from retriever.encoders.hub import looks_local
from retriever.errors import ModelError
from retriever.rankers.parts.pieces import WordPieces

__all__ = ["PublishedText", "place_of"]


@dataclass(frozen=True)
class PublishedText(ABC):
    """Weights and sizes.

    Attributes:
        state: the weights, by the names of the module they go into.
        pieces: the tokenizer, with a [MASK] at its end where it had none.
        layers, width, heads, ffn, positions, activation: its sizes, and what is between its layers.
    """

    state: Mapping[str, Tensor]
    pieces: WordPieces
    layers: int
    width: int
    heads: int
    ffn: int
    positions: int
    activation: str

    @abstractmethod
    def fill_text(self, encoder: nn.Module) -> set[str]:
        """Put tables and the first layers into a model's text encoder ``text``.

        Returns:
            Names of the parameters that were filled.
        """


def place_of(source: str, kind: str) -> str:
    """A hub id as it is, a folder as a path that is there.

    Args:
        kind: of model, for the message.

    Raises:
        ModelError: `source` looks like a folder, and there is none.
    """
    place = Path(source).expanduser()
    if place.is_dir():
        return str(place)
    if looks_local(source):
        raise ModelError(f"there is no folder {place}; give the folder of a {kind}, or a hub id")
    return source
