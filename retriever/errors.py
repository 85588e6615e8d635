"""Every exception this project raises on purpose.

::

    StickerError                 base; its text is one line fit to show a user
    ├── InputError               something the caller gave is wrong: what was got, was expected, is to be done
    │   ├── PackError            the pack as a whole cannot be read
    │   ├── ConversationError    a conversation or dataset row cannot be used
    │   └── BadImage             one image cannot be used (quarantined by the pack reader, never fatal there)
    ├── LibraryError             the indexed library on disk
    │   ├── LibraryNotFound      nothing is indexed there yet
    │   ├── LibraryLocked        another process is writing; names the holder
    │   ├── LibraryDamaged       a file of record fails its check; `sticker doctor --repair`
    │   └── ManifestMismatch     the library was made with another encoder, preprocessing or schema
    ├── ModelError               a model cannot be loaded or gives unusable output
    └── MissingExtra             an optional dependency is absent; names the install line
"""

import json

__all__ = [
    "BadImage",
    "ConversationError",
    "InputError",
    "LibraryDamaged",
    "LibraryError",
    "LibraryLocked",
    "LibraryNotFound",
    "ManifestMismatch",
    "MissingExtra",
    "ModelError",
    "PackError",
    "StickerError",
    "short_json",
]


class StickerError(Exception):
    """Base of all errors raised on purpose; `str()` is one line fit to show a user."""


class InputError(StickerError, ValueError):
    """Something the caller gave is wrong."""


class PackError(InputError):
    """The pack as a whole cannot be read."""


class ConversationError(InputError):
    """A conversation or a dataset row cannot be used."""


class BadImage(InputError):
    """One image cannot be used.

    Attributes:
        reason: a stable word for counting, one of `retriever.packs.quarantine.REASONS`.
        detail: what was found, for people.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class LibraryError(StickerError):
    """Something about the indexed library on disk."""


class LibraryNotFound(LibraryError):
    """Nothing is indexed at that place yet."""


class LibraryLocked(LibraryError):
    """Another process is writing the library."""


class LibraryDamaged(LibraryError):
    """A file of record fails its check."""


class ManifestMismatch(LibraryError):
    """The library was made with another encoder, preprocessing or schema."""


class ModelError(StickerError):
    """A model cannot be loaded, or its output cannot be used."""


class MissingExtra(StickerError, ImportError):
    """An optional dependency is not installed."""


def short_json(value: object, most: int = 60) -> str:
    """A value in a message: as JSON, cut to `most` characters."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= most else text[: most - 3] + "..."
