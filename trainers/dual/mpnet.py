"""An MPNet's weights by a BERT's names, which checkpoints have, and back."""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["as_bert", "as_mpnet"]

_PARTS = {
    "attention.attn.q": "attention.self.query",
    "attention.attn.k": "attention.self.key",
    "attention.attn.v": "attention.self.value",
    "attention.attn.o": "attention.output.dense",
    "attention.LayerNorm": "attention.output.LayerNorm",
}
_THEIRS = {bert: mpnet for mpnet, bert in _PARTS.items()}
_LAYER = re.compile(r"(encoder\.layer\.\d+\.)(attention\.\w+\.?\w*)(\.(?:weight|bias))")
_POSITIONS = "embeddings.position_embeddings.weight"
_SEGMENTS = "embeddings.token_type_embeddings.weight"
_FIRST = 2
"""MPNet counts places from here; the rows before are for padding."""


def as_bert(state: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """The tower's weights by a BERT's names: places from 0, one segment, which adds nothing."""
    found = {_renamed(name, _PARTS): value for name, value in state.items()}
    found[_POSITIONS] = found[_POSITIONS][_FIRST:]
    found[_SEGMENTS] = np.zeros((1, found[_POSITIONS].shape[1]), np.float32)
    return found


def as_mpnet(state: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """What `as_bert` gave, by the tower's own names; the rows for padding are 0."""
    found = {_renamed(name, _THEIRS): value for name, value in state.items() if name != _SEGMENTS}
    found[_POSITIONS] = np.pad(found[_POSITIONS], ((_FIRST, 0), (0, 0)))
    return found


def _renamed(name: str, names: Mapping[str, str]) -> str:
    layer = _LAYER.fullmatch(name)
    return layer[1] + names[layer[2]] + layer[3] if layer else name
