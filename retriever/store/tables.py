"""The rows Chroma holds: one a sticker, one an attribute, one an inference."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, overload

from retriever.labels import RELATIONS
from retriever.types import Inferences, Sticker

Metadata = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of a collection, without their vectors; ids are unique.

    Attributes:
        name: ``stickers``, ``attributes`` or ``inferences``.
    """

    name: str
    ids: Sequence[str]
    documents: Sequence[str]
    metadatas: Sequence[Metadata]

    def __len__(self) -> int:
        return len(self.ids)


class _Made(Sequence[Metadata]):
    """Metadata made when asked for: those of 100,000 stickers at once would double the memory of indexing."""

    def __init__(self, stickers: Sequence[Sticker]) -> None:
        self._stickers = stickers

    def __len__(self) -> int:
        return len(self._stickers)

    @overload
    def __getitem__(self, index: int) -> Metadata: ...
    @overload
    def __getitem__(self, index: slice) -> list[Metadata]: ...
    def __getitem__(self, index: int | slice) -> Metadata | list[Metadata]:
        if isinstance(index, slice):
            return [sticker_metadata(sticker) for sticker in self._stickers[index]]
        return sticker_metadata(self._stickers[index])


def sticker_table(stickers: Sequence[Sticker], documents: Sequence[str]) -> Table:
    """One row a sticker, in order."""
    return Table("stickers", [sticker.id for sticker in stickers], documents, _Made(stickers))


def sticker_metadata(sticker: Sticker) -> Metadata:
    """What Chroma keeps of a sticker beside its document: scalars and lists of text, none empty."""
    flat: Metadata = {
        "pack": sticker.pack,
        "sha256": sticker.sha256,
        "path": sticker.path,
        "kind": sticker.kind,
        "n_frames": sticker.n_frames,
        "emoji": sticker.emoji,
        "emotion": sticker.emotion,
        "intention": sticker.intention,
        "tags": list(sticker.tags),
        "gesture": sticker.attributes.gesture,
        "posture": sticker.attributes.posture,
        "facial_expression": sticker.attributes.facial_expression,
        "verbal": sticker.attributes.verbal,
        "description": sticker.description,
        "license": sticker.license,
        **{f"name_{language}": text for language, text in sticker.name.items()},
    }
    return {key: value for key, value in flat.items() if value not in (None, "", [])}


def attribute_table(stickers: Iterable[Sticker]) -> Table:
    """One row for every attribute that is described; the id is ``STICKER#ATTRIBUTE``."""
    ids: list[str] = []
    documents: list[str] = []
    metadatas: list[Metadata] = []
    for sticker in stickers:
        for attribute, text in asdict(sticker.attributes).items():
            if text:
                ids.append(f"{sticker.id}#{attribute}")
                documents.append(text)
                metadatas.append(
                    {
                        "sticker": sticker.id,
                        "pack": sticker.pack,
                        "sha256": sticker.sha256,
                        "attribute": attribute,
                    }
                )
    return Table("attributes", ids, documents, metadatas)


Inferred = Mapping[str, Any]
"""A row of the inferences journal.

Keys: ``conversation`` (its hash), ``engine``, ``model``, ``prompt`` (hash), ``time``, ``inferences`` (the
five relations, each a list of texts) and ``intention`` (one of `labels.INTENTIONS`, or None).
"""


def is_inferred(row: Mapping[str, Any]) -> bool:
    """Whether `row` can stand in the inferences journal."""
    said = row.get("inferences")
    return (
        isinstance(row.get("conversation"), str)
        and isinstance(row.get("intention"), str | None)
        and isinstance(said, dict)
        and all(isinstance(texts, list) for texts in said.values())
        and all(isinstance(text, str) for texts in said.values() for text in texts)
    )


def inferences_of(row: Inferred) -> Inferences:
    """The five relations of a row as the project's value type; those it lacks are empty."""
    return Inferences(**{name: tuple(row["inferences"].get(name, ())) for name in RELATIONS})


def latest(rows: Iterable[Inferred]) -> dict[str, Inferred]:
    """The newest row of every conversation, by its hash."""
    return {row["conversation"]: row for row in rows}


def inference_table(rows: Iterable[Inferred]) -> Table:
    """One row a conversation, the newest; the id is the conversation's hash."""
    newest = sorted(latest(rows).items())
    metadatas = [
        {
            key: row[key]
            for key in ("engine", "model", "prompt", "time", "intention")
            if isinstance(row.get(key), str) and row[key]
        }
        | {relation: list(texts) for relation, texts in row["inferences"].items() if texts}
        for _, row in newest
    ]
    documents = [inference_text(row["inferences"]) for _, row in newest]
    return Table("inferences", [key for key, _ in newest], documents, metadatas)


def inference_text(inferences: Mapping[str, Sequence[str]]) -> str:
    """The five relations as one text, in their order, each after its name."""
    parts = [f"{name}: {'; '.join(inferences[name])}" for name in RELATIONS if inferences.get(name)]
    return ". ".join(parts)
