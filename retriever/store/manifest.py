"""The library's manifest: what every vector and document in it was made with."""

import json
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from retriever.documents import DOCUMENT_FIELDS
from retriever.encoders.base import EncoderSpec
from retriever.errors import LibraryDamaged, ManifestMismatch
from retriever.store.atomic import write_json
from retriever.store.paths import SCHEMA, LibraryPaths


@dataclass(frozen=True, slots=True)
class Manifest:
    """Settings a library keeps from its first run on.

    Attributes:
        library_id: eight hex digits, part of collection names on a shared Chroma server.
        encoders: what stickers are embedded with; empty for a lexical-only library.
        document_fields: which of a sticker's fields make up its document (`retriever.documents`).
        chroma_url: a Chroma server, or None for the embedded one.
        attribute_rows: whether Chroma also gets a row and a vector for every single attribute.
        schema: layout version.
    """

    library_id: str = field(default_factory=lambda: uuid.uuid4().hex[:8])
    encoders: tuple[EncoderSpec, ...] = ()
    document_fields: tuple[str, ...] = DOCUMENT_FIELDS
    chroma_url: str | None = None
    attribute_rows: bool = False
    schema: int = SCHEMA

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any], origin: str) -> "Manifest":
        """The opposite of `to_json`; `origin` names the file in errors.

        Raises:
            ManifestMismatch: a newer schema.
            LibraryDamaged: a field is missing or of the wrong kind.
        """
        try:
            if value["schema"] > SCHEMA:
                raise ManifestMismatch(
                    f"{origin} has schema {value['schema']}, this version reads up to {SCHEMA}; "
                    "upgrade sticker-retriever, or index into a new library"
                )
            encoders = tuple(
                EncoderSpec(**{**spec, "languages": tuple(spec["languages"])}) for spec in value["encoders"]
            )
            return cls(
                library_id=value["library_id"],
                encoders=encoders,
                document_fields=tuple(value["document_fields"]),
                chroma_url=value["chroma_url"],
                attribute_rows=value["attribute_rows"],
                schema=value["schema"],
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise LibraryDamaged(
                f"{origin} lacks or garbles {error}; run `sticker doctor --repair`"
            ) from error


def read_manifest(paths: LibraryPaths) -> Manifest | None:
    """The manifest of the library, or None where none was written yet.

    Raises:
        LibraryDamaged: not readable as a manifest.
        ManifestMismatch: written by a newer version.
    """
    try:
        value = json.loads(paths.manifest.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise LibraryDamaged(
            f"{paths.manifest} is not JSON ({error}); run `sticker doctor --repair`"
        ) from error
    return Manifest.from_json(value, str(paths.manifest))


def write_manifest(paths: LibraryPaths, manifest: Manifest) -> None:
    """Replace the library's manifest in one step."""
    write_json(paths.manifest, manifest.to_json())
