"""What a reader needs of the place a pack lies in, be it a folder or an archive."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from retriever.packs.entry import Quarantined


@dataclass(frozen=True, slots=True)
class TreeFile:
    """One file.

    Attributes:
        name: posix path below the tree's root, cleaned by `retriever.packs.readers.names.clean_name`.
        origin: for messages.
        path: absolute, or None inside an archive.
        read: all its bytes; raises BadImage, also when there are more than the limits allow.
        head: its first n bytes; raises BadImage.
    """

    name: str
    origin: str
    path: Path | None
    read: Callable[[], bytes]
    head: Callable[[int], bytes]


class Tree(Protocol):
    """A folder or an archive, read only."""

    source: str
    """Absolute path of the folder or archive."""
    name: str
    """What a pack without sub-folders is called."""

    def files(self) -> Iterator[TreeFile | Quarantined]:
        """Every file below the root but clutter, in a fixed order, found as they are asked for."""
        ...

    def find(self, relative: str) -> TreeFile:
        """The file at a path that a pack's author wrote.

        Raises:
            BadImage: ``missing_file``, ``unsafe_path``, ``unreadable`` or ``bad_name``.
        """
        ...

    def open(self, name: str) -> AbstractContextManager[IO[bytes]]:
        """A stream of the file at `name`; may raise OSError or, from an archive, BadImage."""
        ...

    def close(self) -> None:
        """Let go of the archive; a folder has nothing to let go of."""
        ...
