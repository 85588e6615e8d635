"""Where things lie in a library folder; the only module that spells these names."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from retriever.store.atomic import TEMPORARY

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
    def inferences(self) -> Path:
        return self.root / "journal" / "inferences.jsonl"

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

    def unfinished(self) -> list[Path]:
        """What killed writers left behind.

        Looks only where a library writes: the folder may hold other things, such as a user's own pack.
        """
        patterns = [f"{TEMPORARY}*-{path.name}" for path in (self.manifest, self.current, self.holder)]
        folders = (self.vectors / "*", self.images / "??", self.stickers.parent, self.indexes)
        patterns += [str(folder.relative_to(self.root) / f"{TEMPORARY}*") for folder in folders]
        left = [path for pattern in patterns for path in self.root.glob(pattern)]
        return sorted([*left, *self._revived()])

    def _revived(self) -> list[Path]:
        """Empty Chroma folders that readers made by opening an index in the moment it was retired."""
        folders = [path.parent for path in self.indexes.glob("*/chroma") if path.parent.name.isdecimal()]
        return [folder for folder in folders if [path.name for path in folder.iterdir()] == ["chroma"]]

    def remove_unfinished(self) -> list[str]:
        """Delete what killed writers left behind; call only while holding the writer's lock."""
        left = self.unfinished()
        for path in left:
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
        return [str(path.relative_to(self.root)) for path in left]
