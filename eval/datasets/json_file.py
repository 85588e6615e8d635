"""A file that is one JSON document, read as a whole."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from eval.datasets.reader import short
from retriever.errors import InputError

__all__ = ["read_json", "read_table"]


def read_json(path: Path) -> Any:
    """The document; a byte order mark is accepted.

    Raises:
        InputError: it is none, or an object has a key twice (JSON would keep the last and drop the others);
            names file and, where it can, line and column.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"), object_pairs_hook=_unique)
    except json.JSONDecodeError as error:
        raise InputError(
            f"{path}, line {error.lineno}, column {error.colno}: {error.msg}; expected one JSON document"
        ) from None
    except _Twice as error:
        raise InputError(f"{path}: {str(error)!r} stands twice in one object; expected once") from None
    except RecursionError:
        raise InputError(f"{path}: nested too deeply; expected one JSON document") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read ({error})") from None


def read_table(path: Path) -> dict[str, Any]:
    """A document that is an object.

    Raises:
        InputError: it is something else, or as `read_json`.
    """
    content = read_json(path)
    if not isinstance(content, dict):
        raise InputError(f"{path}: got {short(content)}; expected an object")
    return content


class _Twice(Exception):
    pass


def _unique(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise _Twice(next(name for name in names if names.count(name) > 1))
    return found
