"""Pick the sticker a person would send: packs, store, encoders, scorers, fusion and the chain.

Importing this package does no work: each public name is loaded when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from retriever.chain import StickerRetriever
    from retriever.errors import StickerError
    from retriever.types import Attributes, Conversation, Inferences, Pick, Sticker, Utterance

_HOME = {
    "Attributes": "retriever.types",
    "Conversation": "retriever.types",
    "Inferences": "retriever.types",
    "Pick": "retriever.types",
    "Sticker": "retriever.types",
    "StickerError": "retriever.errors",
    "StickerRetriever": "retriever.chain",
    "Utterance": "retriever.types",
}

__all__ = [
    "Attributes",
    "Conversation",
    "Inferences",
    "Pick",
    "Sticker",
    "StickerError",
    "StickerRetriever",
    "Utterance",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'retriever' has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(import_module(_HOME[name]), name)
