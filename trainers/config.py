"""Training configurations: TOML, extended by other TOML, overridden by the command, checked to the last key.

::

    extends = "base.toml"       # or a list: read first, in order. Tables are merged, values replaced
    family = "pbr"
    [train]
    epochs = 5

TOML has no null: ``"null"`` as a value stands for one.
"""

import tomllib
import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from retriever.errors import InputError
from trainers.families import Family, family

__all__ = ["CONFIGS", "LoadedConfig", "find_config", "load_config", "merged", "parse_settings", "shipped"]

CONFIGS = Path(__file__).parent / "configs"
"""The configurations that come with the package."""

PARTS = "parts"
"""The folder of those that only others extend."""


@dataclass(frozen=True, slots=True)
class LoadedConfig:
    """A configuration that has passed every check.

    Attributes:
        name: the file's name without suffix.
        config: of the family's class.
    """

    name: str
    family: Family
    config: BaseModel


def shipped() -> list[str]:
    """Names of the configurations that come with the package, as `find_config` takes them."""
    files = (file for file in CONFIGS.rglob("*.toml") if file.parent.name != PARTS)
    return sorted(file.relative_to(CONFIGS).with_suffix("").as_posix() for file in files)


def find_config(given: str) -> Path:
    """A configuration by path, or by the name of one that ships (``pbr/table3-8-all``).

    Raises:
        InputError: neither; the message names the nearest.
    """
    path = Path(given).expanduser()
    if path.is_file():
        return path
    inside = CONFIGS / f"{given}.toml"
    if not given.startswith((".", "/")) and inside.is_file():
        return inside
    close = get_close_matches(given, shipped(), 3, 0.3)
    hint = f"; did you mean {', '.join(close)}?" if close else ""
    raise InputError(
        f"there is no configuration {given!r}, neither as a file nor among those that ship{hint}"
    )


def load_config(
    path: Path,
    settings: Mapping[str, Any] | None = None,
    data: str | None = None,
    packs: Sequence[str] = (),
) -> LoadedConfig:
    """Read, extend, override and check.

    Args:
        settings: values by dotted key, as of `parse_settings`; stronger than the file.
        data, packs: what the command's ``--data`` and ``--pack`` gave.

    Raises:
        InputError: not TOML, a circle of ``extends``, an unknown family or key (the nearest one is named), or
            a value that does not fit.
    """
    tables = read_tables(path)
    for key, value in (settings or {}).items():
        tables = merged(tables, _nested(key.split("."), value))
    found = family(tables.get("family"))
    tables = merged(tables, found.settings(data, list(packs)))
    try:
        config = found.config.model_validate(_without_nulls(tables))
    except ValidationError as error:
        raise InputError(f"{path}: {_what_is_wrong(error, found.config)}") from None
    return LoadedConfig(path.stem, found, config)


def read_tables(path: Path, seen: tuple[Path, ...] = ()) -> dict[str, Any]:
    """The tables of a file, with those it extends beneath them.

    Raises:
        InputError: no such file, not TOML, or a circle.
    """
    place = path.resolve()
    if place in seen:
        raise InputError(f"{path} extends itself by way of {', '.join(step.name for step in seen)}")
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        by = f", which {seen[-1]} extends" if seen else ""
        raise InputError(f"there is no configuration {path}{by}") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{path} cannot be read as TOML ({error})") from None
    bases = tables.pop("extends", [])
    bases = [bases] if isinstance(bases, str) else bases
    if not isinstance(bases, list) or not all(isinstance(base, str) for base in bases):
        raise InputError(f"{path}: extends is {bases!r}; expected a file's name, or a list of them")
    below: dict[str, Any] = {}
    for base in bases:
        below = merged(below, read_tables(path.parent / base, (*seen, place)))
    return merged(below, tables)


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Two trees of tables in one; where both have a value, `above` wins."""
    found = dict(below)
    for key, value in above.items():
        old = found.get(key)
        both = isinstance(old, Mapping) and isinstance(value, Mapping)
        found[key] = merged(old, value) if both else value  # type: ignore[arg-type]
    return found


def parse_settings(given: Sequence[str]) -> dict[str, Any]:
    """``key=value`` strings of a command line; values are TOML, and plain text where they are not.

    Raises:
        InputError: no ``=``, or no key before it.
    """
    found: dict[str, Any] = {}
    for text in given:
        key, sign, value = text.partition("=")
        if not sign or not key.strip():
            raise InputError(f"got --set {text!r}; expected key=value, such as train.epochs=3")
        try:
            found[key.strip()] = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            found[key.strip()] = value.strip()
    return found


def _nested(keys: Sequence[str], value: Any) -> dict[str, Any]:
    return {keys[0]: _nested(keys[1:], value) if len(keys) > 1 else value}


def _without_nulls(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_nulls(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_without_nulls(inner) for inner in value]
    return None if value == "null" else value


def _what_is_wrong(error: ValidationError, root: type[BaseModel]) -> str:
    """The first complaint in words: where, what was got, what was expected, the nearest key."""
    first = error.errors(include_url=False)[0]
    keys = [str(part) for part in first["loc"]]
    where = ".".join(keys)
    if first["type"] == "extra_forbidden":
        fields = _fields(root, keys[:-1])
        close = get_close_matches(keys[-1], fields, 1, 0.4)
        hint = f"; did you mean {close[0]!r}?" if close else ";"
        place = f"[{'.'.join(keys[:-1])}]" if keys[:-1] else "the top"
        return f"{where} is unknown{hint} {place} takes {', '.join(fields) or 'nothing'}"
    if first["type"] == "missing":
        return f"{where} is missing"
    said = first["msg"].removeprefix("Value error, ")
    got = first["input"]
    if isinstance(got, Mapping | BaseModel):
        return f"{where}: {said}" if where else said
    return f"{where} is {got!r}: {said[0].lower()}{said[1:]}"


def _fields(model: type[BaseModel], keys: Sequence[str]) -> list[str]:
    """The keys that the table at `keys` may have."""
    inside: Any = model
    for key in keys:
        found = _model_in(inside)
        if found is not None:
            inside = found.model_fields[key].annotation if key in found.model_fields else None
        else:
            inside = _value_of(inside)
    found = _model_in(inside)
    return list(found.model_fields) if found else []


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in (Union, types.UnionType):
        return next((found for part in get_args(annotation) if (found := _model_in(part))), None)
    return None


def _value_of(annotation: Any) -> Any:
    """What a table of free names holds under each; None for anything else."""
    return get_args(annotation)[1] if get_origin(annotation) in (dict, Mapping) else None
