"""Any sentence-transformers model: text bi-encoders, and multimodal ones by their text or their image side.

``sentence-transformers:MODEL`` (or ``st:MODEL``) takes a hub id or a folder and represents stickers by their
document; ``sentence-transformers:MODEL#image`` represents them by their image, where the model sees images.
"""

from collections.abc import Sequence
from json import dumps
from typing import TYPE_CHECKING, Any

import numpy as np

from retriever.encoders.base import EncoderSpec, StickerSide, Vectors
from retriever.encoders.checks import (
    checked_frames,
    checked_texts,
    refuse_documents,
    refuse_images,
    unit_rows,
)
from retriever.encoders.frames import mean_of_frames
from retriever.encoders.hub import existing_folder, load_from_hub, load_local, looks_local
from retriever.encoders.keep_end import keep_end
from retriever.encoders.torch_models import honest_load, pick_device, weights_digest
from retriever.errors import InputError, ModelError
from retriever.extras import require

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["SentenceTransformersEncoder", "load_sentence_transformers"]

PURPOSE = "a sentence-transformers encoder"


class SentenceTransformersEncoder:
    """Wraps a loaded `SentenceTransformer`; uses its query and document prompts where it has them."""

    def __init__(self, model: Any, spec: EncoderSpec, batch_size: int | None = None) -> None:
        """Takes a loaded model; `spec.sticker_side` says how it sees stickers, `batch_size` is 32 if None."""
        self.spec = spec
        self._model = model
        self._batch_size = batch_size or 32
        # In a model that sees images, a bare string that names an image would be opened or fetched.
        self._multimodal = list(model.modalities) != ["text"]
        self._limit = _token_limit(model)

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of conversations, ``(n, dimension)``; the end of a long one survives."""
        checked = checked_texts(texts)
        prompt = self._prompt("query")
        return self._texts([self._shorten(text, prompt) for text in checked], self._model.encode_query)

    def encode_documents(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of sticker documents, ``(n, dimension)``; the start of a long one survives.

        Raises:
            ModelError: this encoder represents stickers by their image.
        """
        if self.spec.sticker_side == "image":
            raise refuse_documents(self.spec)
        return self._texts(checked_texts(texts), self._model.encode_document)

    def encode_images(self, images: "Sequence[Sequence[Image]]") -> Vectors:
        """One unit vector a sticker, ``(n, dimension)``, from its frames in RGB on white.

        Raises:
            ModelError: this encoder represents stickers by their document.
        """
        if self.spec.sticker_side == "document":
            raise refuse_images(self.spec)
        stickers = checked_frames(images)
        frames = [frame for frames in stickers for frame in frames]
        if not frames:
            return np.empty((0, self.spec.dimension), np.float32)
        rows = self._model.encode(frames, batch_size=self._batch_size, show_progress_bar=False)
        return mean_of_frames(rows, [len(frames) for frames in stickers], self.spec)

    def _texts(self, texts: list[str], encode: Any) -> Vectors:
        if not texts:
            return np.empty((0, self.spec.dimension), np.float32)
        inputs = [{"text": text} for text in texts] if self._multimodal else texts
        rows = encode(inputs, batch_size=self._batch_size, show_progress_bar=False)
        return unit_rows(np.asarray(rows), len(texts), self.spec.dimension, self.spec.name)

    def _prompt(self, kind: str) -> str:
        return self._model.prompts.get(kind) or ""

    def _shorten(self, text: str, prompt: str) -> str:
        limit = self._limit
        if (
            limit is None or len(prompt) + len(text.encode()) + 2 <= limit
        ):  # hardly any text has more tokens than bytes
            return text
        tokenizer = self._model.tokenizer
        return keep_end(
            text, lambda part: len(tokenizer(prompt + part, verbose=False).input_ids) <= limit, limit
        )


def load_sentence_transformers(
    name: str, model: str, *, device: str = "auto", batch_size: int | None = None
) -> SentenceTransformersEncoder:
    """Loads a model by hub id or folder, in float32.

    Args:
        name: what the encoder's spec is called.
        model: hub id or folder, optionally followed by ``#image`` or ``#document``.
        device: ``auto``, ``cpu`` or ``cuda``.
        batch_size: inputs in one run of the model, 32 if None.

    Raises:
        InputError: `model` is empty.
        ModelError: the model is not there, is incomplete, gives unusable output, or sees no images.
        MissingExtra: sentence-transformers is not installed.
    """
    model, side = _split_side(model)
    if not model:
        raise InputError(f"encoder {name!r} names no model, expected sentence-transformers:HUB-ID or :FOLDER")
    local = existing_folder(model) if looks_local(model) else None
    library = require("sentence_transformers", "torch", PURPOSE)
    torch = require("torch", "torch", PURPOSE)
    target = pick_device(device)

    def load() -> Any:
        with honest_load(model):
            return library.SentenceTransformer(
                str(local or model), device=target, model_kwargs={"dtype": torch.float32}
            )

    what = f"sentence-transformers model {str(local or model)!r}"
    loaded = load_local(what, load) if local else load_from_hub(what, load)
    if side == "image" and not loaded.supports("image"):
        raise ModelError(f"{model} sees {', '.join(map(str, loaded.modalities))} only: leave out '#image'")
    if not loaded.supports("text"):
        raise ModelError(f"{model} does not read text, and conversations are text: choose another model")
    spec = EncoderSpec(
        name=name,
        model_id=f"{local.name if local else model}@{weights_digest(loaded)}",
        dimension=_dimension(loaded, model),
        sticker_side=side,
        preprocessing=_preprocessing(loaded, library.__version__),
    )
    return SentenceTransformersEncoder(loaded, spec, batch_size)


def _split_side(model: str) -> tuple[str, StickerSide]:
    if model.endswith("#image"):
        return model.removesuffix("#image"), "image"
    return model.removesuffix("#document"), "document"


def _dimension(loaded: Any, model: str) -> int:
    """The length of a real vector: the declared dimension is missing for some models and wrong for others."""
    probe = np.asarray(loaded.encode([{"text": "a"}] if list(loaded.modalities) != ["text"] else ["a"]))
    if probe.ndim != 2 or len(probe) != 1:
        raise ModelError(f"{model} gives output of shape {probe.shape} for one text, expected one vector")
    unit_rows(probe, 1, probe.shape[1], model)
    return int(probe.shape[1])


def _token_limit(loaded: Any) -> int | None:
    """How many tokens of a query the model reads, or None where it has no tokenizer that could be asked."""
    limit = getattr(loaded[0], "query_length", None) or loaded.max_seq_length
    tokenizer = getattr(loaded[0], "tokenizer", None)
    if not callable(tokenizer) or not hasattr(tokenizer, "model_max_length"):
        return None
    return int(limit) if limit else None


def _preprocessing(loaded: Any, version: str) -> str:
    """What changes vectors beside the weights: modules with their options, prompts, major version."""
    modules = []
    for module in loaded:
        describe = getattr(module, "get_config_dict", None)
        modules.append([type(module).__name__, describe() if callable(describe) else {}])
    facts = {"modules": modules, "prompts": loaded.prompts, "limit": loaded.max_seq_length}
    return f"sentence-transformers {version.partition('.')[0]} {dumps(facts, sort_keys=True, default=str)}"
