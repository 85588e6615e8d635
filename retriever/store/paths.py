"""Where things lie in a library folder; the only module that spells these names."""

from dataclasses import dataclass
from pathlib import Path

SCHEMA = 1
"""Version of everything below; a library with a newer one is refused."""


@dataclass(frozen=True, slots=True)
class LibraryPaths:
    """Paths inside the library folder `root`."""

    root: Path

    @property
    def manifest(self) -> Path:
        return self.root / "library.json"

    @property
    def stickers(self) -> Path:
        return self.root / "journal" / "stickers.jsonl"

    @property
    def attributes(self) -> Path:
        return self.root / "journal" / "attributes.jsonl"

    @property
    def quarantine(self) -> Path:
        return self.root / "journal" / "quarantine.jsonl"

    @property
    def vectors(self) -> Path:
        return self.root / "vectors"

    @property
    def images(self) -> Path:
        return self.root / "images"

    @property
    def indexes(self) -> Path:
        return self.root / "index"

    @property
    def current(self) -> Path:
        return self.root / "CURRENT"

    @property
    def lock(self) -> Path:
        return self.root / ".lock"

    @property
    def holder(self) -> Path:
        return self.root / ".lock.json"
