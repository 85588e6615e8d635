"""The starter pack that ships with the package, and the code that draws it."""

from pathlib import Path

__all__ = ["STARTER_PACK"]

STARTER_PACK: Path = Path(__file__).parent / "pack"
"""Folder of the shipped pack: ``stickers.jsonl`` in the native format, and ``images/``."""
