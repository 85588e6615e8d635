"""What every encoder checks on the way in and on the way out."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retriever.encoders.base import EncoderSpec, Vectors
from retriever.errors import InputError, ModelError

__all__ = ["checked_frames", "checked_texts", "refuse_documents", "refuse_images", "unit_rows"]


def checked_texts(texts: Sequence[str]) -> list[str]:
    """`texts` as a list of encodable strings: lone surrogates, which no tokenizer takes, become ``?``.

    Raises:
        InputError: `texts` is one string, or an item is not a string.
    """
    if isinstance(texts, str):
        raise InputError(f"got one string ({texts[:40]!r}), expected a list of texts: put it into a list")
    for i, text in enumerate(texts):
        if not isinstance(text, str):
            raise InputError(f"text {i} is a {type(text).__name__}, expected a string")
    return [text.encode("utf-8", "replace").decode("utf-8") for text in texts]


def checked_frames(images: Sequence[Sequence[Any]]) -> list[list[Any]]:
    """`images` as lists of frames, each list with one frame at least and every frame in RGB.

    Raises:
        InputError: a sticker is not a sequence of frames, has none, or a frame is not an RGB image.
    """
    checked = []
    for i, frames in enumerate(images):
        if not isinstance(frames, Sequence):
            raise InputError(f"sticker {i} is a {type(frames).__name__}, expected a list of its frames")
        if not frames:
            raise InputError(f"sticker {i} has no frames, expected one at least")
        for frame in frames:
            mode = getattr(frame, "mode", type(frame).__name__)
            if mode != "RGB":
                raise InputError(f"a frame of sticker {i} is {mode}, expected RGB: paste it on white first")
        checked.append(list(frames))
    return checked


def unit_rows(rows: NDArray[Any], count: int, dimension: int, model: str) -> Vectors:
    """The model's output as float32 unit vectors of shape ``(count, dimension)``.

    Raises:
        ModelError: another shape, a NaN or infinity, or a vector of length zero.
    """
    if rows.shape != (count, dimension):
        raise ModelError(f"{model} gave vectors of shape {rows.shape}, expected {(count, dimension)}")
    wide = rows.astype(np.float64)
    norms = np.linalg.norm(wide, axis=1, keepdims=True)
    bad = ~(np.isfinite(norms[:, 0]) & (norms[:, 0] > 0))
    if bad.any():
        first = int(np.flatnonzero(bad)[0])
        what = "a vector of length zero" if norms[first, 0] == 0 else "NaN or infinite numbers"
        raise ModelError(
            f"{model} gave {what} for {int(bad.sum())} of {count} inputs (first: input {first}); "
            "its weights are damaged or its number format overflows: check the files, or load it as float32"
        )
    unit: Vectors = (wide / norms).astype(np.float32)
    return unit


def refuse_documents(spec: EncoderSpec) -> ModelError:
    """The error of an image-side encoder that was handed documents."""
    return ModelError(f"{spec.name} sees stickers by their image, not their document: call encode_images")


def refuse_images(spec: EncoderSpec) -> ModelError:
    """The error of a document-side encoder that was handed images."""
    return ModelError(f"{spec.name} sees stickers by their document, not their image: call encode_documents")
