"""A learned fusion as a TOML file: ``sticker fuse`` writes it, ``--fusion FILE`` reads it."""

import json
import tomllib
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from retriever.errors import InputError
from retriever.extras import require
from retriever.fusion.fitted import FittedFusion

__all__ = ["SCHEMA", "file_id", "is_file", "load_fusion", "save_fusion"]

SCHEMA = 1


def is_file(fusion: str) -> bool:
    """Whether what was given for a fusion means a file, not a method."""
    return fusion.endswith(".toml") or Path(fusion).is_file()


def file_id(fusion: str) -> str:
    """A method's name as it is; of a file, ``fitted:`` and twelve digits of the SHA-256 of its bytes.

    Raises:
        InputError: the file cannot be read.
    """
    if not is_file(fusion):
        return fusion
    try:
        return f"fitted:{sha256(Path(fusion).read_bytes()).hexdigest()[:12]}"
    except OSError as error:
        raise InputError(f"{fusion} cannot be read ({error.strerror}); `sticker fuse` writes one") from None


def load_fusion(path: str | Path) -> FittedFusion:
    """Read what `save_fusion` wrote.

    Raises:
        InputError: no such file, no TOML, another schema, or a value that cannot be; names the field.
    """
    place = Path(path)
    try:
        table = tomllib.loads(place.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{place} cannot be read ({error.strerror}); `sticker fuse` writes one") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{place} is no TOML file ({error}); `sticker fuse` writes one") from None
    schema = table.pop("schema", None)
    if schema != SCHEMA:
        raise InputError(
            f"{place} has fusion schema {schema!r}, this version reads {SCHEMA}; run `sticker fuse` again"
        )
    try:
        return TypeAdapter(FittedFusion).validate_python(table, strict=False)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InputError(
            f"{place}: {where + ': ' if where else ''}{first['msg']}; run `sticker fuse` again"
        ) from None
    except InputError as error:
        raise InputError(f"{place}: {error}; run `sticker fuse` again") from None


def save_fusion(fusion: FittedFusion, path: Path) -> None:
    """Write `fusion`, whole or not at all.

    Raises:
        MissingExtra: without the extra ``fuse``.
    """
    tomli_w = require("tomli_w", "fuse", "writing a fusion file")
    table = {"schema": SCHEMA, **_plain(asdict(fusion))}
    part = path.with_name(f".{path.name}.part")
    path.parent.mkdir(parents=True, exist_ok=True)
    part.write_text(tomli_w.dumps(table), encoding="utf-8")
    part.replace(path)


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """Without what is None or empty, which TOML does not have or does not need; tuples as lists."""
    plain: dict[str, Any] = json.loads(json.dumps(values))
    return {key: _plain(value) if isinstance(value, dict) else value for key, value in plain.items()
            if value is not None and value != {} and value != []}  # fmt: skip
