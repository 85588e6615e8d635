"""What an encoder is: the seam between models and everything that stores or compares vectors."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from json import dumps
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from retriever.types import Conversation

if TYPE_CHECKING:
    from PIL.Image import Image

Vectors = NDArray[np.float32]

StickerSide = Literal["document", "image"]
"""What the sticker is represented by: its document (text) or its image frames."""


@dataclass(frozen=True, slots=True)
class EncoderSpec:
    """What has to be equal for two vectors to be comparable; written to the store's manifest.

    Attributes:
        name: as the user asked for it: ``minilm``, ``open_clip:ViT-B-32``, ``sentence-transformers:FOLDER``.
        model_id: what was loaded, with a content hash where one is known.
        dimension: length of a vector.
        sticker_side: ``document`` encoders see the sticker's text, ``image`` encoders its frames.
        languages: the languages the text side understands; empty means any, as far as is known.
        preprocessing: everything else that changes a vector (length limit, pooling, image size), as text.
    """

    name: str
    model_id: str
    dimension: int
    sticker_side: StickerSide
    languages: tuple[str, ...] = ()
    preprocessing: str = ""

    @property
    def fingerprint(self) -> str:
        """Twelve hex digits that change when any field but `name` does."""
        fields = {key: value for key, value in asdict(self).items() if key != "name"}
        return sha256(dumps(fields, sort_keys=True).encode()).hexdigest()[:12]


class Encoder(Protocol):
    """Turns texts and images into comparable vectors.

    All vectors are float32 of shape ``(n, spec.dimension)``, L2-normalised, on the CPU; `n` = 0 gives
    shape ``(0, dimension)``. An empty text has a vector like any other.
    """

    @property
    def spec(self) -> EncoderSpec: ...

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """Vectors of conversations, to compare with stickers."""
        ...

    def encode_documents(self, texts: Sequence[str]) -> Vectors:
        """Vectors of sticker documents; only where `spec.sticker_side` is ``document``.

        Raises:
            ModelError: this encoder represents stickers by their image.
        """
        ...

    def encode_images(self, images: Sequence[Sequence["Image"]]) -> Vectors:
        """One vector a sticker: the normalised mean of the unit vectors of its frames (RGB, on white).

        Raises:
            ModelError: this encoder represents stickers by their document.
        """
        ...


@runtime_checkable
class ReadsConversations(Protocol):
    """An encoder that reads a conversation as such: its speakers, its mode, as many messages as it likes."""

    def encode_conversations(self, conversations: Sequence[Conversation]) -> Vectors:
        """Vectors of conversations, ``(n, dimension)``, normalised."""
        ...
