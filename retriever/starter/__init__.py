"""The starter pack that ships with the package, the code that draws it, and dialogues to try it on."""

from pathlib import Path

__all__ = ["DEMO_CONVERSATIONS", "STARTER_DIALOGUES", "STARTER_PACK"]

_HERE = Path(__file__).parent

STARTER_PACK: Path = _HERE / "pack"
"""Folder of the shipped pack: ``stickers.jsonl`` in the native format, and ``images/``."""

STARTER_DIALOGUES: Path = _HERE / "dialogues"
"""Dataset folder: short dialogues in English and Chinese, with gold stickers of the shipped pack."""

DEMO_CONVERSATIONS: Path = _HERE / "conversations.jsonl"
"""Six conversations that `sticker demo` answers."""
