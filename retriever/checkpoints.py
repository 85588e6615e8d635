"""A checkpoint is a folder: ``config.json`` names the family, ``model.safetensors`` holds the weights.

::

    config.json         {"family": ..., "schema": 1, ...}: everything needed to build the model
    model.safetensors   the weights
    graph.onnx          where the family has one: the ONNX graph over the very same weights
    tokenizer.json      where the family has one (or a tokenizer/ folder)
    training.json       data with hashes, options, metrics, commit, seed, minutes
    README.md           the model card, for people

Nothing in it is executed: no pickles, no code.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from retriever.errors import ModelError

__all__ = [
    "BEST",
    "CARD",
    "CONFIG",
    "GRAPH",
    "SCHEMA",
    "STARTER",
    "TRAINING",
    "WEIGHTS",
    "checkpoint_in",
    "checkpoint_name",
    "content_id",
    "read_config",
]

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
GRAPH = "graph.onnx"
TRAINING = "training.json"
CARD = "README.md"
BEST = "best"
"""Where in the folder of a run its checkpoint lies."""

SCHEMA = 1
STARTER = Path(__file__).with_name("starter") / "ranker"
"""The checkpoint that ships with the package."""


def checkpoint_in(path: str | Path) -> Path:
    """The folder of a checkpoint: `path` itself, or its ``best/`` where `path` is the folder of a run."""
    folder = Path(path).expanduser()
    inner = folder / BEST
    return inner if (inner / WEIGHTS).is_file() and not (folder / WEIGHTS).is_file() else folder


def checkpoint_name(path: str | Path) -> str:
    """A checkpoint's name where nobody gives one: its folder's, or that of the run whose ``best/`` it is."""
    place = Path(path).resolve()
    return place.parent.name if place.name == BEST else place.name


def read_config(folder: Path) -> dict[str, Any]:
    """The configuration of the checkpoint in `folder`, with its ``family``.

    Raises:
        ModelError: no checkpoint there, or one of a newer version of this project.
    """
    if not folder.is_dir():
        raise ModelError(
            f"there is no checkpoint at {folder}; give a folder that `sticker train` wrote (its best/ folder)"
        )
    if (inner := checkpoint_in(folder)) != folder:
        raise ModelError(f"{folder} is the folder of a run; its checkpoint is {inner}")
    if not (folder / CONFIG).is_file():
        raise ModelError(f"{folder} is no checkpoint: it has no {CONFIG}")
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{folder / CONFIG} cannot be read ({error}); copy the checkpoint again") from error
    if not isinstance(config, dict) or not isinstance(config.get("family"), str):
        raise ModelError(f"{folder / CONFIG} names no ranker family")
    if config.get("schema") != SCHEMA:
        raise ModelError(
            f"{folder} has checkpoint schema {config.get('schema')!r}, this version reads {SCHEMA}; update "
            "sticker-retriever, or train it again"
        )
    if not (folder / WEIGHTS).is_file():
        raise ModelError(f"{folder} has no {WEIGHTS}; copy the checkpoint again")
    return config


def content_id(folder: Path) -> str:
    """Twelve hex digits over the configuration and the weights.

    Raises:
        ModelError: a file cannot be read.
    """
    digest = hashlib.sha256()
    for name in (CONFIG, WEIGHTS):
        try:
            with (folder / name).open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        except OSError as error:
            raise ModelError(f"{folder / name} cannot be read ({error.strerror})") from error
    return digest.hexdigest()[:12]
