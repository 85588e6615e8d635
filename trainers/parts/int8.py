"""Matrices as int8 with one float32 scale a row, and back."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import load_file

__all__ = ["SCALE", "load_weights", "quantise", "quantised"]

SCALE = ".scale"
"""What the name of a matrix's scales ends with, in a file of weights."""


def quantise(matrix: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """(n, m) float32 as int8 and one scale a row, ``scale = max |row| / 127``; ``matrix ~ int8 * scale``."""
    scale = np.abs(matrix).max(axis=1) / np.float32(127)
    scale[scale == 0] = 1
    rounded = np.rint(matrix / scale[:, None]).astype(np.int8)
    return rounded, scale.astype(np.float32)


def load_weights(file: Path) -> dict[str, NDArray[Any]]:
    """The tensors of a safetensors file by name, its int8 matrices as the float32 ones that they stand for.

    Raises:
        OSError, safetensors.SafetensorError: the file is missing or damaged.
    """
    stored = load_file(file)
    for name in [key for key in stored if key.endswith(SCALE)]:
        scale = stored.pop(name)
        matrix = name.removesuffix(SCALE)
        stored[matrix] = stored[matrix].astype(np.float32) * scale[:, None]
    return stored


def quantised(file: Path) -> frozenset[str]:
    """The names of the matrices that a safetensors file holds as int8.

    Raises:
        OSError, safetensors.SafetensorError: the file is missing or damaged.
    """
    with safe_open(file, "numpy") as stored:
        names = stored.keys()
    return frozenset(name.removesuffix(SCALE) for name in names if name.endswith(SCALE))
