"""Whether checkpoints are of one make: their weights mean the same, place by place."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError

from retriever.checkpoints import WEIGHTS, read_config
from retriever.encoders.dual.marked import HISTORY
from retriever.errors import ModelError
from trainers.parts.int8 import load_weights

__all__ = ["TOKENIZER", "make_of", "refuse_another_make", "weights_of"]

TOKENIZER = "tokenizer.json"

_UNSAID = {"reading": "markers", "turns": HISTORY, "mode": False, "likeness": None}
"""What checkpoints mean that were written before they said so."""


def make_of(folder: Path) -> dict[str, Any]:
    """A dual checkpoint's configuration without what was measured of it.

    Raises:
        ModelError: it cannot be read, or is of another family.
    """
    config = _UNSAID | read_config(folder) | {"validation": {}}
    if config["family"] != "dual":
        raise ModelError(f"{folder} is a {config['family']} ranker; expected a dual one")
    return config


def refuse_another_make(folder: Path, expected: Mapping[str, Any], tokenizer: Path) -> None:
    """Hold a checkpoint against what it is to be combined with.

    Args:
        folder: the checkpoint.
        expected: the make of the other, as `make_of` gives it.
        tokenizer: the other's file.

    Raises:
        ModelError: shape, labels or tokenizer differ, or it cannot be read.
    """
    config = make_of(folder)
    if differing := sorted(key for key in expected.keys() | config if expected.get(key) != config.get(key)):
        key = differing[0]
        raise ModelError(
            f"{folder} differs in {', '.join(differing)} ({key}: {config.get(key)!r}, expected "
            f"{expected.get(key)!r}); only rankers of one start, with the same labels, go together"
        )
    try:
        same = (folder / TOKENIZER).read_bytes() == tokenizer.read_bytes()
    except OSError as error:
        raise ModelError(
            f"{folder / TOKENIZER} cannot be read ({error}); copy the checkpoint again"
        ) from error
    if not same:
        raise ModelError(
            f"{folder} has another tokenizer than {tokenizer.parent}; train both on the same data"
        )


def weights_of(folder: Path) -> dict[str, NDArray[np.float32]]:
    """A checkpoint's weights by name, as floats.

    Raises:
        ModelError: they cannot be read.
    """
    try:
        return load_weights(folder / WEIGHTS)
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{folder / WEIGHTS} cannot be read ({error}); copy the checkpoint again") from error
