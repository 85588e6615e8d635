"""A dataset's stickers copied into a native pack, and what policies have to know of them."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eval.labels import LABEL_FIELDS, label_of
from retriever.errors import BadImage
from retriever.packs.entry import PackEntry, Quarantined
from retriever.packs.sniff import READABLE, REFUSED_IMAGES, sniff
from retriever.progress import bar

__all__ = ["Known", "gather", "sticker_row"]

_A_FOLDER = 1000
_SHOWN = 5


@dataclass(slots=True)
class Known:
    """The stickers that can be read.

    Attributes:
        packs: the pack of each, in the dataset's order.
        said: their labels, by field.
        unusable: how many could not be read, by reason; `problems` are the first of them.
    """

    packs: dict[str, str] = field(default_factory=dict)
    said: dict[str, dict[str, str]] = field(default_factory=dict)
    unusable: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    def counts(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "stickers": len(self.packs),
            "packs": len(set(self.packs.values())),
            "unusable": dict(self.unusable),
            "problems": self.problems,
        }


def gather(
    folder: Path, entries: Iterable[PackEntry | Quarantined], show_progress: bool | None = None
) -> Known:
    """Write ``stickers.jsonl`` and the images, by number, into `folder`; what cannot be read is counted."""
    known = Known()
    folder.mkdir(parents=True)
    with (
        (folder / "stickers.jsonl").open("w", encoding="utf-8", newline="\n") as file,
        bar("Copying", None, show_progress) as advance,
    ):
        for entry in entries:
            advance(1)
            try:
                if not isinstance(entry, PackEntry):
                    raise BadImage(entry.reason, entry.detail)
                image = _copied(folder, entry.read(), len(known.packs))
            except BadImage as error:
                known.unusable[error.reason] += 1
                if len(known.problems) < _SHOWN:
                    known.problems.append(f"{entry.origin}: {error.detail}")
                continue
            known.packs[entry.id] = entry.pack
            for name in LABEL_FIELDS:
                label = label_of(entry.annotations, name)
                if label:
                    known.said.setdefault(name, {})[entry.id] = label
            file.write(json.dumps(sticker_row(entry, image), ensure_ascii=False) + "\n")
    return known


def sticker_row(entry: PackEntry, image: str) -> dict[str, Any]:
    """A row of ``stickers.jsonl``; without what the sticker does not have."""
    said = entry.annotations
    attributes = {name: getattr(said.attributes, name) for name in said.attributes.__dataclass_fields__}
    row: dict[str, Any] = {
        "id": entry.id,
        "image": image,
        "pack": entry.pack,
        "emoji": said.emoji,
        "emotion": said.emotion,
        "intention": said.intention,
        "name": dict(said.name),
        "keywords": {language: list(words) for language, words in said.keywords.items()},
        "tags": list(said.tags),
        "attributes": {name: value for name, value in attributes.items() if value},
        "description": said.description,
        "license": said.license,
    }
    return {name: value for name, value in row.items() if value or name in ("id", "image", "pack")}


def _copied(folder: Path, data: bytes, number: int) -> str:
    kind = sniff(data)
    if kind not in READABLE | REFUSED_IMAGES:
        raise BadImage("not_an_image", f"its bytes are {kind}; expected an image")
    suffix = {"apng": "png", "jpeg": "jpg"}.get(kind, kind)
    image = f"images/{number // _A_FOLDER:04d}/{number:06d}.{suffix}"
    place = folder / image
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(data)
    return image
