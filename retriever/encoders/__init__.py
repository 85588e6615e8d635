"""Text and image encoders behind one protocol, loaded by name."""

from retriever.encoders.base import Encoder, EncoderSpec, StickerSide, Vectors
from retriever.encoders.registry import (
    LoadRequest,
    default_encoder_name,
    encoder_schemes,
    load_encoder,
    register,
)

__all__ = [
    "Encoder",
    "EncoderSpec",
    "LoadRequest",
    "StickerSide",
    "Vectors",
    "default_encoder_name",
    "encoder_schemes",
    "load_encoder",
    "register",
]
