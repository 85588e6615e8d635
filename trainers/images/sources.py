"""Where sticker images come from: pack folders and zips, image files, arrays."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from retriever.errors import BadImage, InputError
from retriever.packs import open_pack
from retriever.packs.entry import Annotations, PackEntry, Quarantined
from retriever.packs.limits import DEFAULT_LIMITS

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["ImageSource", "array_source", "entry_source", "file_source", "pack_sources"]

_ONE_FRAME = 1


@dataclass(frozen=True, slots=True)
class ImageSource:
    """One sticker whose image has not been opened yet.

    Attributes:
        id: unique among the stickers it is used with.
        pack: the set it belongs to (topic).
        read: the image's bytes; raises BadImage.
        kind: what the bytes are: an image file, or a numpy array.
        path: where the file lies, or None inside an archive; lets unchanged files go unread.
        emotion: its label, one of `retriever.labels.EMOTIONS`, or None.
        emoji, intention: further labels that negatives may be chosen by.
        said: all that its pack says about it in words.
    """

    id: str
    pack: str
    read: Callable[[], bytes] = field(compare=False)
    kind: Literal["image", "array"] = "image"
    path: Path | None = None
    emotion: str | None = None
    emoji: str | None = None
    intention: str | None = None
    said: Annotations = field(default_factory=Annotations)

    def stamp(self) -> str | None:
        """Path, size and time of the file, or None where there is none: equal stamps, equal bytes."""
        if self.path is None:
            return None
        try:
            status = self.path.stat()
        except OSError:
            return None
        return f"{self.path}|{status.st_size}|{status.st_mtime_ns}"

    def picture(self, data: bytes) -> "Image":
        """`data` as an RGB picture on white; of an animation its middle frame.

        Raises:
            BadImage: it cannot be decoded.
        """
        if self.kind == "array":
            from eval.datasets.arrays import picture_of_array

            return picture_of_array(data)
        from dataclasses import replace

        from retriever.packs.decode import decode

        return decode(data, replace(DEFAULT_LIMITS, max_sampled_frames=_ONE_FRAME)).frames[0]


def file_source(path: Path, id_: str, pack: str, emotion: str | None = None) -> ImageSource:
    """An image file, whatever its suffix claims it is."""
    return ImageSource(id_, pack, partial(_read, path), "image", path, emotion)


def array_source(path: Path, id_: str, pack: str) -> ImageSource:
    """A ``.npy`` of (h, w, 3) uint8."""
    return ImageSource(id_, pack, partial(_read, path), "array", path)


def pack_sources(paths: Sequence[str | Path]) -> Iterator[ImageSource | Quarantined]:
    """The stickers of several packs, in order; ``starter`` is the pack that ships.

    Archives have to stay open while their images are read: iterate within the life of the caller's use.

    Raises:
        PackError: a pack cannot be opened.
        InputError: two packs have a sticker of the same id.
    """
    seen: dict[str, str] = {}
    for path in paths:
        place = _starter() if str(path) == "starter" and not Path(path).exists() else Path(path)
        for entry in open_pack(place):
            if isinstance(entry, Quarantined):
                yield entry
                continue
            if entry.id in seen:
                raise InputError(
                    f"both {seen[entry.id]} and {path} have a sticker {entry.id!r}; "
                    "rename one, or leave a pack out"
                )
            seen[entry.id] = str(path)
            yield entry_source(entry)


def entry_source(entry: PackEntry) -> ImageSource:
    """A sticker of a pack; a ``.npy`` is read as the array that it is, not as the picture of it."""
    said = entry.annotations
    if entry.path is not None and entry.path.suffix == ".npy":
        return ImageSource(
            entry.id, entry.pack, partial(_read, entry.path), "array", entry.path, emoji=said.emoji, said=said
        )
    return ImageSource(
        entry.id, entry.pack, entry.read, "image", entry.path, said.emotion, said.emoji, said.intention, said
    )


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > DEFAULT_LIMITS.max_file_bytes:
            raise BadImage("too_large_file", f"{path} has {path.stat().st_size} bytes")
        return path.read_bytes()
    except FileNotFoundError:
        raise BadImage("missing_file", f"{path} is not there") from None
    except OSError as error:
        raise BadImage("unreadable", f"{path}: {os.strerror(error.errno or 0)}") from error


def _starter() -> Path:
    from retriever.starter import STARTER_PACK

    return STARTER_PACK
