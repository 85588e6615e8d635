"""SER30K (Liu et al. 2022) in the layout of its release: stickers with emotions, and no conversations.

::

    Annotations/{train,val,test}.json      or Annotations/image-level/...
    Images/<topic>/sticker_<n>.jpg

``{"annotations": [{"topic", "file_name", "anno", "text"}]}``; ``anno`` is 1 to 7, the class index plus one.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from eval.datasets.json_file import read_json
from retriever.errors import InputError
from retriever.labels import EMOTIONS
from retriever.packs.entry import Annotations, PackEntry, Quarantined
from retriever.packs.limits import DEFAULT_LIMITS
from retriever.packs.readers.folder import read_file
from retriever.types import Attributes

__all__ = ["SPLITS", "annotations_file", "is_ser30k", "read_annotations"]

SPLITS = {"train": "train", "valid": "val", "test": "test"}
"""Our names of its splits, and its own."""


def is_ser30k(root: Path) -> bool:
    """Whether SER30K lies there, in either of its layouts."""
    return annotations_file(root, "train").is_file()


def annotations_file(root: Path, split: str) -> Path:
    """Where the annotations of a split (by its own name) are, or would be."""
    plain = root / "Annotations" / f"{split}.json"
    nested = root / "Annotations" / "image-level" / f"{split}.json"
    return nested if nested.is_file() and not plain.is_file() else plain


def read_annotations(path: Path, images: Path, split: str) -> Iterator[PackEntry | Quarantined]:
    """The stickers of one annotation file, as ``<split>/<topic>/<file>``; a bad row stands as such.

    Raises:
        InputError: the file is not there or not what it should be.
    """
    if not path.is_file():
        raise InputError(f"{path} is not there; expected SER30K's Annotations and Images")
    content = read_json(path)
    rows = content.get("annotations") if isinstance(content, dict) else None
    if not isinstance(rows, list):
        raise InputError(f'{path}: expected an object {{"annotations": [...]}}')
    seen: set[str] = set()
    for at, row in enumerate(rows):
        origin = f"{path}, annotations[{at}]"
        try:
            topic, name, emotion, words = _checked(row)
        except ValueError as error:
            yield Quarantined(f"annotations[{at}]", origin, "bad_row", str(error))
            continue
        id_ = f"{split}/{topic}/{name}"
        if id_ in seen:
            yield Quarantined(id_, origin, "duplicate_id", "annotated before; the first one is kept")
            continue
        seen.add(id_)
        file = images / topic / name
        said = Annotations(emotion=emotion, attributes=Attributes(verbal=words))
        yield PackEntry(
            id_, topic, str(file), file, partial(read_file, file, DEFAULT_LIMITS.max_file_bytes), said
        )


def _checked(row: Any) -> tuple[str, str, str, str]:
    if not isinstance(row, dict):
        raise ValueError(f"got {str(row)[:40]!r}; expected an object with topic, file_name and anno")
    for key in ("topic", "file_name"):
        value = row.get(key)
        if not isinstance(value, str) or not value or ".." in Path(value).parts or Path(value).is_absolute():
            raise ValueError(f"{key}: got {str(value)[:40]!r}; expected a name below Images")
    label = row.get("anno")
    if isinstance(label, bool) or not isinstance(label, int) or not 1 <= label <= len(EMOTIONS):
        raise ValueError(f"anno: got {str(label)[:40]!r}; expected 1 to {len(EMOTIONS)}")
    words = row.get("text")
    return (
        row["topic"],
        row["file_name"],
        EMOTIONS[label - 1],
        words.strip() if isinstance(words, str) else "",
    )
