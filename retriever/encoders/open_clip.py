"""CLIP-like models through open_clip: stickers by their image, conversations by their text.

What follows ``open_clip:`` is one of

- ``MODEL/TAG`` a published checkpoint (``ViT-B-32/laion2b_s34b_b79k``); ``MODEL`` alone where it has one tag,
- ``MODEL/FILE`` a checkpoint file for that architecture,
- ``hf-hub:ID`` a repository on the hub,
- ``local-dir:FOLDER`` (or just an existing folder) with ``open_clip_config.json`` and weights,
- ``MODEL@random`` the architecture with random weights, the same ones each time: for benchmarks only.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import numpy as np

from retriever.encoders.base import EncoderSpec, Vectors
from retriever.encoders.checks import checked_frames, checked_texts, refuse_documents, unit_rows
from retriever.encoders.frames import mean_of_frames
from retriever.encoders.keep_end import keep_end
from retriever.extras import require

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["OpenClipEncoder"]

PURPOSE = "an open_clip encoder"
THREADS = 4  # images prepared at a time: more only compete with the model for cores


class OpenClipEncoder:
    """Wraps a loaded open_clip model with its image transform and its tokenizer."""

    def __init__(
        self,
        model: Any,
        transform: Any,
        tokenizer: Any,
        spec: EncoderSpec,
        device: str,
        batch_size: int | None = None,
    ) -> None:
        """Takes what open_clip made; `batch_size` counts frames or texts, 32 if None."""
        self.spec = spec
        self._model, self._transform, self._tokenizer = model, transform, tokenizer
        self._device = device
        self._batch_size = batch_size or 32
        self._torch = require("torch", "torch", PURPOSE)

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of conversations, ``(n, dimension)``; the end of a long one survives."""
        checked = [self._shorten(text) for text in checked_texts(texts)]
        rows = np.empty((len(checked), self.spec.dimension), np.float32)
        for start in range(0, len(checked), self._batch_size):
            tokens = self._tokenizer(checked[start : start + self._batch_size]).to(self._device)
            with self._inference():
                vectors = self._model.encode_text(tokens)  # (batch, dimension)
            rows[start : start + len(tokens)] = vectors.float().cpu().numpy()
        return unit_rows(rows, len(checked), self.spec.dimension, self.spec.name)

    def encode_documents(self, texts: Sequence[str]) -> Vectors:
        """Refused: this encoder sees stickers by their image.

        Raises:
            ModelError: always.
        """
        raise refuse_documents(self.spec)

    def encode_images(self, images: "Sequence[Sequence[Image]]") -> Vectors:
        """One unit vector a sticker, ``(n, dimension)``, from its frames in RGB on white."""
        stickers = checked_frames(images)
        frames = [frame for frames in stickers for frame in frames]
        rows = np.empty((len(frames), self.spec.dimension), np.float32)
        done = 0
        for pixels in self._prepared(frames):  # (batch, 3, height, width)
            with self._inference():
                vectors = self._model.encode_image(pixels.to(self._device))  # (batch, dimension)
            rows[done : done + len(pixels)] = vectors.float().cpu().numpy()
            done += len(pixels)
        return mean_of_frames(rows, [len(frames) for frames in stickers], self.spec)

    def _prepared(self, frames: "list[Image]") -> Iterator[Any]:
        """Batches of pixels; the next one is prepared in threads while the model works on the last."""
        batches = [frames[i : i + self._batch_size] for i in range(0, len(frames), self._batch_size)]
        with ThreadPoolExecutor(THREADS) as pool:
            waiting = None
            for batch in [*batches, None]:
                upcoming = [pool.submit(self._transform, frame) for frame in batch] if batch else None
                if waiting:
                    yield self._torch.stack([pixels.result() for pixels in waiting])
                waiting = upcoming

    def _inference(self) -> AbstractContextManager[Any]:
        context: AbstractContextManager[Any] = self._torch.inference_mode()
        return context

    def _shorten(self, text: str) -> str:
        limit = self._tokenizer.context_length
        if len(text.encode()) + 3 <= limit:  # hardly any text has more tokens than bytes
            return text
        return keep_end(text, lambda part: _token_count(self._tokenizer, part) <= limit, limit)


def _token_count(tokenizer: Any, text: str) -> int:
    """Tokens of a text before any cut, the special ones included."""
    inner = getattr(tokenizer, "tokenizer", None)
    if inner is None:
        return len(tokenizer.encode(text)) + 2
    extra = 1 if getattr(tokenizer, "tokenizer_mode", "") == "clips" else 0
    return len(inner(text, verbose=False).input_ids) + extra
