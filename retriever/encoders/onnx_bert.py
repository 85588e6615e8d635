"""A sentence encoder of the BERT kind on ONNX Runtime: tokens, graph, mean pooling; no torch."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from retriever.encoders.base import EncoderSpec, Vectors
from retriever.encoders.bert_graph import BertShape, build_bert_graph
from retriever.encoders.checks import checked_texts, refuse_images, unit_rows
from retriever.encoders.onnx_session import open_session
from retriever.encoders.similar_length import runs_of_similar_length
from retriever.encoders.token_window import Keep, TokenWindow
from retriever.errors import InputError, ModelError

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["OnnxBertEncoder"]

CHUNK = 2048  # texts tokenised and sorted by length at a time: bounds the memory of a long list
TOKENS_PER_RUN = 4096  # padded tokens in one run: bounds the activations, about 25 MB at 384 dimensions


class OnnxBertEncoder:
    """Encodes texts with a BERT folder (``config.json``, ``tokenizer.json``, ``model.safetensors``).

    A query that is too long keeps its end, a document its start. Texts run in batches of similar length, so
    little is padded; padding is masked and moves a vector by rounding only (below 1e-6 per component).
    One encoder may be used from several threads.
    """

    def __init__(
        self,
        folder: Path,
        spec: EncoderSpec,
        *,
        max_tokens: int,
        device: str = "auto",
        batch_size: int | None = None,
    ) -> None:
        """Loads the model.

        Args:
            folder: where the three files lie.
            spec: what the encoder calls itself; its dimension must be the model's.
            max_tokens: length limit, the two special tokens included.
            device: ``auto`` and ``cpu`` run on the CPU, ``cuda`` where the installed runtime can.
            batch_size: texts in one run, 64 if None.

        Raises:
            ModelError: a file is missing or damaged, or the device is not available.
            InputError: `device` or `batch_size` is none of the above.
            MissingExtra: the runtime is not installed.
        """
        if batch_size is not None and batch_size < 1:
            raise InputError(f"batch_size is {batch_size}, expected 1 or more")
        self.spec = spec
        self._batch_size = batch_size or 64
        try:
            config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ModelError(
                f"{folder / 'config.json'} cannot be read ({error}); reinstall the model"
            ) from error
        shape = BertShape.from_config(config)
        self._tokens = TokenWindow(folder / "tokenizer.json", max_tokens)
        weights = (folder / "model.safetensors").resolve()
        self._session = open_session(build_bert_graph(weights, shape, max_tokens), weights, device)

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of conversations, ``(n, dimension)``; the end of a long one survives."""
        return self._encode(texts, "end")

    def encode_documents(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of sticker documents, ``(n, dimension)``; the start of a long one survives."""
        return self._encode(texts, "start")

    def encode_images(self, images: "Sequence[Sequence[Image]]") -> Vectors:
        """Refused: this encoder reads text only.

        Raises:
            ModelError: always.
        """
        raise refuse_images(self.spec)

    def _encode(self, texts: Sequence[str], keep: Keep) -> Vectors:
        checked = checked_texts(texts)
        pooled = np.empty((len(checked), self.spec.dimension), np.float32)
        for start in range(0, len(checked), CHUNK):
            rows = self._tokens.ids(checked[start : start + CHUNK], keep)
            lengths = [len(row) for row in rows]
            for batch in runs_of_similar_length(lengths, self._batch_size, TOKENS_PER_RUN):
                pooled[start + batch] = self._run([rows[i] for i in batch])
        return unit_rows(pooled, len(checked), self.spec.dimension, self.spec.name)

    def _run(self, rows: list[list[int]]) -> NDArray[np.float32]:
        """Pooled vectors, ``(len(rows), dimension)``."""
        ids = np.zeros((len(rows), max(map(len, rows))), np.int64)
        mask = np.zeros_like(ids)
        for i, row in enumerate(rows):
            ids[i, : len(row)] = row
            mask[i, : len(row)] = 1
        try:
            pooled: NDArray[np.float32] = self._session.run(None, {"ids": ids, "mask": mask})[0]
        except Exception as error:  # the runtime's own exception classes share no public base
            raise ModelError(f"{self.spec.name} failed on {ids.shape} tokens: {error}") from error
        if pooled.shape[1] != self.spec.dimension:
            raise ModelError(
                f"{self.spec.name} gives {pooled.shape[1]} dimensions, expected {self.spec.dimension}"
            )
        return pooled
