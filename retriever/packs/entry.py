"""What passes between the pack readers and the indexer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from retriever.types import Attributes, Sticker


@dataclass(frozen=True, slots=True)
class Annotations:
    """What a pack says about one sticker beside its image; the same words as on `retriever.types.Sticker`."""

    name: Mapping[str, str] = field(default_factory=dict)
    keywords: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    emoji: str | None = None
    emotion: str | None = None
    intention: str | None = None
    tags: tuple[str, ...] = ()
    attributes: Attributes = field(default_factory=Attributes)
    description: str = ""
    license: str | None = None

    def sticker(self, id: str, pack: str = "", sha256: str = "", path: str = "") -> Sticker:
        """The sticker of which this is known, without what only its image tells."""
        known = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return Sticker(id=id, pack=pack, sha256=sha256, path=path, **known)


@dataclass(frozen=True, slots=True)
class PackEntry:
    """One sticker of a pack before its image is opened.

    Attributes:
        id: unique within the pack source.
        pack: the pack (topic) it belongs to.
        origin: where it came from, for messages: a path, or ``archive.zip!/member``.
        path: the image's absolute path, or None inside an archive.
        read: gives the image's bytes, never more than the limits allow; raises BadImage.
        notices: what was wrong with the annotations but did not cost the sticker, one line each.
    """

    id: str
    pack: str
    origin: str
    path: Path | None
    read: Callable[[], bytes] = field(compare=False)
    annotations: Annotations = field(default_factory=Annotations)
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Quarantined:
    """Something in a pack that cannot be used, and why.

    Attributes:
        reason: one of `retriever.packs.quarantine.REASONS`, stable for counting.
        detail: what was found, for people, on one line.
    """

    id: str
    origin: str
    reason: str
    detail: str
