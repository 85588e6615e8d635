"""The text tower of a dual checkpoint as an encoder: ``starter``, the one that ships, or ``dual:FOLDER``."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from retriever.checkpoints import STARTER, content_id, read_config
from retriever.encoders.base import EncoderSpec, Vectors
from retriever.encoders.checks import checked_texts, refuse_images
from retriever.encoders.dual.text import DualText
from retriever.errors import ModelError
from retriever.types import Conversation

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["DualEncoder", "forget_texts", "load_dual_encoder", "open_text"]


class DualEncoder:
    """Sticker documents and conversations in one space; see `retriever.rankers.dual` for the ranker on top.

    Args:
        spec: what the encoder calls itself.
        text: the opened text side.
    """

    def __init__(self, spec: EncoderSpec, text: DualText) -> None:
        self.spec = spec
        self.text = text

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of messages, ``(n, dimension)``."""
        return self.text.utterances(checked_texts(texts))

    def encode_conversations(self, conversations: Sequence[Conversation]) -> Vectors:
        """Unit vectors of conversations, ``(n, dimension)``: who said what, and the mode, count."""
        return self.text.vectors(self.text.conversations(conversations))

    def encode_documents(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of sticker documents, ``(n, dimension)``."""
        return self.text.documents(checked_texts(texts))

    def encode_images(self, images: "Sequence[Sequence[Image]]") -> Vectors:
        """Refused: this encoder reads text only.

        Raises:
            ModelError: always.
        """
        raise refuse_images(self.spec)


def load_dual_encoder(name: str, rest: str, *, device: str = "auto") -> DualEncoder:
    """The encoder called `name`.

    Args:
        name: ``starter``, or ``dual:FOLDER``.
        rest: the folder, empty for the one that ships.

    Raises:
        ModelError: the folder holds no dual checkpoint.
    """
    folder = Path(rest).expanduser() if rest else STARTER
    config = read_config(folder)
    if config["family"] != "dual":
        raise ModelError(f"{folder} is a {config['family']!r} checkpoint; only dual ones have a text encoder")
    spec = EncoderSpec(
        name=name,
        model_id=f"dual@{content_id(folder)}",
        dimension=int(config.get("likeness") or config["hidden_size"]),
        sticker_side="document",
        languages=("en", "zh"),
        preprocessing=f"{config['max_tokens']} tokens, weighted pooling",
    )
    return DualEncoder(spec, open_text(folder.resolve(), device))


def open_text(folder: Path, device: str = "auto") -> DualText:
    """The text side of a checkpoint, opened once a process: the encoder and the ranker share it.

    One that another has taken the place of is opened anew.
    """
    files = (file for file in folder.iterdir() if file.is_file())
    facts = ((file.name, file.stat()) for file in sorted(files))
    seen = tuple((name, stat.st_ino, stat.st_size, stat.st_mtime_ns) for name, stat in facts)
    return _opened(folder, seen, device)


def forget_texts() -> None:
    """Close what `open_text` keeps open, and forget what it has read."""
    _opened.cache_clear()


@lru_cache(maxsize=4)
def _opened(folder: Path, seen: tuple[tuple[str, int, int, int], ...], device: str) -> DualText:
    return DualText(folder, read_config(folder), device)
