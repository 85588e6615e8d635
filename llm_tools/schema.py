"""From a pydantic model to a JSON schema that guided decoding keeps to, and ends."""

import copy
import re
from typing import Any

from pydantic import BaseModel

from retriever.errors import InputError

__all__ = ["schema_of", "text_pattern"]

_LONGEST_REPEAT = 128
"""xgrammar 0.2.8 cannot compile ``{1,129}`` (every guided call gets HTTP 500), but several such in a row."""
_REPEAT = re.compile(r"\{\d+,(\d+)\}")

# Printable text up to the third plane. Named by what is in it: a class of what is not would also let half
# surrogate pairs through, which grammars take for characters and UTF-8 cannot hold.
_CHARACTER = (
    r"[ !#-\[\]-~\u00a0-\u2027\u202a-\ud7ff\uf900-\ufefe\uff00-\uffef" + f"{chr(0x10000)}-{chr(0x3FFFF)}]"
)

_DROPPED = ("title", "description", "default", "examples")


def text_pattern(longest: int, shortest: int = 1) -> str:
    r"""A regular expression for `shortest` to `longest` characters of plain text.

    A ``pattern`` and not ``maxLength``: vLLM's grammar for that one lets raw control characters through. The
    quote and the backslash are left out, so that an answer never needs JSON escapes.
    """
    counts = f"{_CHARACTER}{{{shortest},{min(longest, _LONGEST_REPEAT)}}}"
    for begun in range(_LONGEST_REPEAT, longest, _LONGEST_REPEAT):
        counts += f"{_CHARACTER}{{0,{min(longest - begun, _LONGEST_REPEAT)}}}"
    return f"^{counts}$"


def schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """The JSON schema of `model`: references resolved, texts for people removed.

    Raises:
        InputError: a string without ``pattern`` or ``enum``, a list without ``maxItems``, or an object that
            admits further keys; guided decoding would not end, or would let garbage through.
    """
    schema = model.model_json_schema()
    definitions = schema.pop("$defs", {})
    tidy: dict[str, Any] = _tidy(copy.deepcopy(schema), definitions)
    _check(tidy, model.__name__)
    return tidy


def _tidy(node: Any, definitions: dict[str, Any]) -> Any:
    if isinstance(node, list):
        return [_tidy(entry, definitions) for entry in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return _tidy(copy.deepcopy(definitions[node["$ref"].rsplit("/", 1)[-1]]), definitions)
    properties = node.get("properties")
    tidy = {
        key: _tidy(value, definitions) for key, value in node.items() if key not in (*_DROPPED, "properties")
    }
    if properties is not None:
        tidy["properties"] = {name: _tidy(value, definitions) for name, value in properties.items()}
        tidy["required"] = list(properties)
    return tidy


def _check(node: dict[str, Any], where: str) -> None:
    kind = node.get("type")
    if kind == "string" and not ("pattern" in node or "enum" in node or "const" in node):
        raise InputError(f"{where} is a string without a pattern; give it Field(pattern=text_pattern(...))")
    if any(int(most) > _LONGEST_REPEAT for most in _REPEAT.findall(str(node.get("pattern", "")))):
        raise InputError(
            f"{where} repeats more than {_LONGEST_REPEAT} times; make the pattern by text_pattern(...)"
        )
    if kind == "array":
        if "maxItems" not in node:
            raise InputError(f"{where} is a list without an upper bound; give it Field(max_length=...)")
        _check(node["items"], f"{where}[]")
    if kind == "object":
        if node.get("additionalProperties") is not False:
            raise InputError(f"{where} admits further keys; set ConfigDict(extra='forbid')")
        for name, value in node["properties"].items():
            _check(value, f"{where}.{name}")
