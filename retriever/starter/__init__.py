"""The starter pack that ships with the package, its dialogues, and the code that draws them."""

from pathlib import Path

__all__ = ["DEMO_CONVERSATIONS", "STARTER_DIALOGUES", "STARTER_PACK"]

STARTER_PACK: Path = Path(__file__).parent / "pack"
"""Folder of the shipped pack: ``stickers.jsonl`` in the native format, and ``images/``."""

STARTER_DIALOGUES: Path = Path(__file__).parent / "dialogues"
"""Folder of a small dataset over the starter pack: ``valid.jsonl``."""

DEMO_CONVERSATIONS: Path = Path(__file__).parent / "conversations.jsonl"
"""The conversations that the demo answers."""
