"""The text side of dual checkpoints: tokens, and the tower that turns them into vectors."""

from retriever.encoders.dual.text import DualText
from retriever.encoders.dual.tokens import DualTokens

__all__ = ["DualText", "DualTokens"]
