"""Text and image encoders behind one protocol, loaded by name."""

from retriever.encoders.base import Encoder, EncoderSpec, StickerSide, Vectors
from retriever.encoders.registry import (
    DEFAULT,
    LoadRequest,
    encoder_schemes,
    load_encoder,
    register,
)

__all__ = [
    "DEFAULT",
    "Encoder",
    "EncoderSpec",
    "LoadRequest",
    "StickerSide",
    "Vectors",
    "encoder_schemes",
    "load_encoder",
    "register",
]
