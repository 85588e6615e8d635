"""Candidate stickers as a model sees them: a bounded line of text each, and pictures where asked for."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from llm_tools.backends.base import Picture
from llm_tools.images import MAX_PIXELS, PictureCache, pictures
from retriever.documents import DOCUMENT_FIELDS, document
from retriever.types import Sticker

__all__ = ["Candidate", "View"]

_UNKNOWN = "(nothing is written about this sticker)"


@dataclass(frozen=True, slots=True)
class Candidate:
    """One sticker to score.

    Attributes:
        text: its document, possibly long and possibly hostile; quoted by who builds the prompt.
        identity: changes with the image or the text.
        blank: nothing is known about it.
    """

    sticker: Sticker
    text: str
    identity: str
    blank: bool


@dataclass(frozen=True)
class View:
    """What of a sticker a model is shown.

    Attributes:
        fields: of `retriever.documents`; labels that an evaluation judges by are left out by default.
        languages: to take names and keywords in; empty takes all.
        images: show the image too; the server's model must take pictures.
        frames: of an animated sticker.
        max_pixels: of one picture.
    """

    fields: Sequence[str] = DOCUMENT_FIELDS
    languages: Sequence[str] = ()
    images: bool = False
    frames: int = 1
    max_pixels: int = MAX_PIXELS
    _pictures: PictureCache = field(default_factory=PictureCache, repr=False, compare=False)

    def candidate(self, sticker: Sticker) -> Candidate:
        """`sticker` to be scored."""
        text = document(sticker, self.fields, self.languages)
        identity = sha256(f"{sticker.sha256}\n{text}".encode("utf-8", "backslashreplace")).hexdigest()
        return Candidate(sticker, text or _UNKNOWN, identity, not text and not self.images)

    def pictures(self, candidate: Candidate) -> tuple[Picture, ...]:
        """The pictures of a candidate; none where images are off. Reads and decodes; run it in a thread.

        Raises:
            OSError, BadImage: the image cannot be read.
        """
        if not self.images:
            return ()
        sticker = candidate.sticker
        return self._pictures.get(
            sticker.sha256,
            lambda: pictures(Path(sticker.path).read_bytes(), frames=self.frames, max_pixels=self.max_pixels),
        )

    @property
    def options(self) -> dict[str, Any]:
        """What changes answers, beside the text itself."""
        return {"images": [self.frames, self.max_pixels]} if self.images else {}
