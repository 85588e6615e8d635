"""Hugging Face's ImageFolder as a pack: sub-folders that are labels, words in ``metadata.jsonl`` or ``.csv``.

::

    metadata.jsonl              {"file_name": "a/1.png", "emotion": "anger"}; every folder may have one
    happiness/1.png             sub-folders are labels where all are named for one, else packs
    train/happiness/1.png       ... also below folders that are named for splits

A row of metadata has ``file_name``, relative to its file, and what a row of ``stickers.jsonl`` may have
besides; ``text`` is read as ``description``, ``label`` as ``emotion`` or ``intention``, else as a tag.
"""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from json import loads
from pathlib import PurePosixPath
from typing import Any, Literal

from retriever.errors import BadImage
from retriever.labels import EMOTIONS, INTENTIONS
from retriever.packs.entry import Annotations, Quarantined
from retriever.packs.limits import Limits
from retriever.packs.readers.names import IMAGE_SUFFIXES, suffix_of
from retriever.packs.readers.native import index_lines
from retriever.packs.readers.tree import Tree

__all__ = ["METADATA", "Layout", "Said", "layout_of", "read_metadata"]

METADATA = ("metadata.jsonl", "metadata.csv")

_SPLITS = frozenset({"train", "training", "valid", "validation", "val", "dev", "test", "testing", "eval"})
_LABELS: tuple[tuple[Literal["emotion", "intention"], frozenset[str]], ...] = (
    ("emotion", frozenset(EMOTIONS)),
    ("intention", frozenset(INTENTIONS)),
)
_ATTRIBUTES = ("gesture", "posture", "facial_expression")


@dataclass(frozen=True, slots=True)
class Layout:
    """What the sub-folders of a tree are.

    Attributes:
        splits: the top folders are named for splits, and those below are what counts.
        label: what the folders are named for, or None where they are packs.
        metadata: names of the files of metadata.
    """

    splits: bool = False
    label: Literal["emotion", "intention"] | None = None
    metadata: tuple[str, ...] = ()

    def pack(self, name: str, otherwise: str) -> str:
        """The pack of the file `name`; `otherwise` where no folder says one."""
        return otherwise if self.label else self._folder(name) or otherwise

    def said(self, name: str, annotations: Annotations) -> Annotations:
        """`annotations` with the label that the file's folder says, unless they have one."""
        folder = self._folder(name).lower()
        if self.label is None or not folder or getattr(annotations, self.label):
            return annotations
        if self.label == "emotion":
            return replace(annotations, emotion=folder)
        return replace(annotations, intention=folder)

    def _folder(self, name: str) -> str:
        folders = name.split("/")[:-1]
        return next(iter(folders[1:] if self.splits else folders), "")


Row = tuple[Annotations, tuple[str, ...], str | None]
"""What a row says, notices about it, and the pack where it names one."""


@dataclass(slots=True)
class Said:
    """What metadata say.

    Attributes:
        rows: by the name of the image.
        problems: rows that cannot be used.
    """

    rows: dict[str, Row] = field(default_factory=dict)
    problems: list[Quarantined] = field(default_factory=list)


def layout_of(tree: Tree) -> Layout:
    """Look at the names of all files, once."""
    tops: set[str] = set()
    seconds: set[str] = set()
    metadata = []
    for file in tree.files():
        if isinstance(file, Quarantined):
            continue
        *folders, name = file.name.split("/")
        if name in METADATA:
            metadata.append(file.name)
            continue
        if suffix_of(name) not in IMAGE_SUFFIXES:
            continue
        tops.add(folders[0] if folders else "")
        seconds.add(folders[1] if len(folders) > 1 else "")
    splits = bool(tops) and tops <= _SPLITS
    named = {folder.lower() for folder in (seconds if splits else tops)}
    label = next((kind for kind, known in _LABELS if len(named) > 1 and named <= known), None)
    return Layout(splits, label, tuple(metadata))


def read_metadata(tree: Tree, layout: Layout, limits: Limits) -> Said:
    """Every row of every file of metadata."""
    said = Said()
    for name in layout.metadata:
        try:
            for number, row in _rows(tree, name, limits):
                _take(tree, name, number, row, said)
        except (BadImage, OSError) as error:
            detail = error.detail if isinstance(error, BadImage) else error.strerror or str(error)
            said.problems.append(Quarantined(name, f"{tree.source}/{name}", "unreadable", detail))
    return said


def _rows(tree: Tree, name: str, limits: Limits) -> Iterator[tuple[int, Mapping[str, Any] | str]]:
    """Rows by line; text in the place of one that cannot be read: what is wrong."""
    with tree.open(name) as stream:
        lines = index_lines(stream, limits)
        if name.endswith(".jsonl"):
            for number, line in lines:
                try:
                    row = loads(line.decode("utf-8"))
                    yield number, row if isinstance(row, dict) else f"it is a {type(row).__name__}"
                except (ValueError, RecursionError) as error:
                    yield number, " ".join(str(error).split())
            return
        try:
            table = csv.DictReader(line.decode("utf-8") for _, line in lines)
            for found in table:
                yield table.line_num, {key: value for key, value in found.items() if key and value}
        except (csv.Error, ValueError) as error:
            yield table.line_num, " ".join(str(error).split())


def _take(tree: Tree, name: str, number: int, row: Mapping[str, Any] | str, said: Said) -> None:
    from retriever.packs.readers.row import parse_row

    where, origin = f"{name}:{number}", f"{tree.source}/{name}:{number}"
    try:
        if isinstance(row, str):
            raise ValueError(row)
        image = row.get("file_name")
        if not isinstance(image, str) or not image.strip():
            raise ValueError(f"field 'file_name': got {str(image)[:40]!r}; expected the name of an image")
        parsed = parse_row({**_native(row), "image": image.strip()})
        file = tree.find(str(PurePosixPath(name).parent / image.strip()))
    except ValueError as error:
        reason, detail = (
            (error.reason, error.detail) if isinstance(error, BadImage) else ("bad_row", str(error))
        )
        said.problems.append(Quarantined(where, origin, reason, f"line {number}: {detail[:300]}"))
        return
    if file.name in said.rows:
        detail = f"line {number}: an earlier row is about {file.name}; the first one is kept"
        said.problems.append(Quarantined(where, origin, "duplicate_id", detail))
        return
    annotations, notices = parsed.annotations()
    said.rows[file.name] = (annotations, notices, parsed.pack)


def _native(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of metadata in the words of ``stickers.jsonl``."""
    found = {key: value for key, value in row.items() if key not in ("file_name", "id")}
    found.setdefault("description", found.pop("text", ""))
    if isinstance(tags := found.get("tags"), str):
        found["tags"] = [tag.strip() for tag in tags.split(",")]
    if any(name in found for name in _ATTRIBUTES):
        given = {name: found[name] for name in (*_ATTRIBUTES, "verbal") if name in found}
        found["attributes"] = {**given, **(found.get("attributes") or {})}
    label = found.pop("label", None)
    if isinstance(label, str):
        kind = next((kind for kind, known in _LABELS if label.strip().lower() in known), None)
        if kind:
            found.setdefault(kind, label)
        else:
            found["tags"] = [*(found.get("tags") or []), label]
    return found
