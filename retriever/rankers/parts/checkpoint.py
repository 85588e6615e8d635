"""A torch model's checkpoint opened and written: configuration, vocabulary, weights."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from torch import nn

from retriever.checkpoints import CONFIG, SCHEMA, WEIGHTS
from retriever.errors import InputError, ModelError
from retriever.rankers.parts.config import Shape
from retriever.rankers.parts.pieces import Pieces
from retriever.rankers.parts.weights import fill, store
from retriever.store.atomic import write_json

__all__ = ["TOKENIZER", "open_model", "read_shape", "save_model"]

TOKENIZER = "tokenizer"
"""The folder of the vocabulary, inside a checkpoint."""

ShapeT = TypeVar("ShapeT", bound=BaseModel)
ModelT = TypeVar("ModelT", bound=nn.Module)


def read_shape(folder: Path, config: Mapping[str, Any], kind: type[ShapeT], name: str) -> ShapeT:
    """What the model in `folder` is made of.

    Args:
        config: what its ``config.json`` says.
        kind: the family's pydantic class.
        name: the family's, for the message.

    Raises:
        ModelError: the configuration is not one of `kind`.
    """
    try:
        return kind.model_validate(config["model"])
    except (KeyError, ValidationError) as error:
        raise ModelError(
            f"{folder / CONFIG} describes no {name} model ({' '.join(str(error).split())[:300]}); "
            "update sticker-retriever, or copy the checkpoint again"
        ) from error


def open_model(folder: Path, build: Callable[[], ModelT]) -> ModelT:
    """The model that `build` makes, with the weights in `folder`.

    Raises:
        ModelError: it cannot be built here, or the weights are damaged or not exactly its own.
    """
    try:
        model = build()
    except InputError as error:
        raise ModelError(f"{folder} cannot be built here: {error}") from error
    fill(model, folder / WEIGHTS)
    return model


def save_model(
    folder: Path,
    family: str,
    model: nn.Module,
    shape: Shape,
    pieces: Pieces,
    notes: Mapping[str, Any] | None = None,
) -> None:
    """Write a checkpoint into an existing folder; `retriever.rankers.load_ranker` opens it.

    Args:
        shape: of `model`; where its weights once came from is left out, they are in the checkpoint now.
        pieces: its vocabulary.
        notes: further entries of ``config.json``.
    """
    image = shape.image.model_copy(update={"pretrained": None})
    text = shape.text.model_copy(update={"pretrained": None, "vectors": None})
    whole = shape.model_copy(update={"image": image, "text": text})
    (folder / TOKENIZER).mkdir(exist_ok=True)
    pieces.save(folder / TOKENIZER)
    store(model, folder / WEIGHTS)
    config = {"family": family, "schema": SCHEMA, "model": whole.model_dump(mode="json")}
    write_json(folder / CONFIG, {**config, **(notes or {})})
