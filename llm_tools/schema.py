"""From a pydantic model to a JSON schema that guided decoding keeps to, and ends."""

import copy
from typing import Any

from pydantic import BaseModel

from retriever.errors import InputError

__all__ = ["schema_of", "text_pattern"]

_DROPPED = ("title", "description", "default", "examples")


def text_pattern(longest: int, shortest: int = 1) -> str:
    r"""A regular expression for `shortest` to `longest` characters of plain text.

    A ``pattern`` and not ``maxLength``: vLLM's grammar for that one lets raw control characters through. The
    quote and the backslash are left out, so that an answer never needs JSON escapes.
    """
    return rf'^[^"\\\x00-\x1f\x7f-\x9f]{{{shortest},{longest}}}$'


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
    if kind == "array":
        if "maxItems" not in node:
            raise InputError(f"{where} is a list without an upper bound; give it Field(max_length=...)")
        _check(node["items"], f"{where}[]")
    if kind == "object":
        if node.get("additionalProperties") is not False:
            raise InputError(f"{where} admits further keys; set ConfigDict(extra='forbid')")
        for name, value in node["properties"].items():
            _check(value, f"{where}.{name}")
