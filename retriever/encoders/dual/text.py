"""The text tower of a dual checkpoint on ONNX Runtime: conversations and documents to vectors, no torch."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retriever.checkpoints import GRAPH, WEIGHTS
from retriever.encoders.bert_graph import BertShape, build_bert_graph
from retriever.encoders.dual.marked import HISTORY
from retriever.encoders.dual.row import Row, pad
from retriever.encoders.dual.tokens import DualTokens
from retriever.encoders.onnx_session import open_session
from retriever.encoders.similar_length import runs_of_similar_length
from retriever.errors import ModelError
from retriever.types import Conversation

__all__ = ["DualText", "unit"]

Floats = NDArray[np.float32]

TOKENS_PER_RUN = 4096
BATCH = 64
REMEMBERED = 256
"""Conversations whose vector is kept: the embedding, the ranker and its explanation read the same one."""


class DualText:
    """The tower and tokenizer of the checkpoint in `folder`; threads may share it.

    Args:
        folder: a dual checkpoint. A ``graph.onnx`` in it is used as it is; without one the graph is built,
            which needs the `onnx` package.
        config: its ``config.json``.
        device: ``auto``, ``cpu`` or ``cuda``.

    Raises:
        ModelError: a file is missing or damaged, or the weights do not fit the configuration.
        InputError: `device` is none of the above.
        MissingExtra: the runtime or the tokenizer library is not installed.
    """

    def __init__(self, folder: Path, config: Mapping[str, Any], device: str = "auto") -> None:
        self.width = BertShape.from_config(config).hidden
        reading, turns = config.get("reading", "markers"), int(config.get("turns", HISTORY))
        self.tokens = DualTokens(folder / "tokenizer.json", int(config["max_tokens"]), reading, turns)
        weights = (folder / WEIGHTS).resolve()
        graph = folder / GRAPH
        ready = graph.read_bytes() if graph.is_file() else build_graph(weights, config)
        self._session = open_session(ready, weights, device)
        self._likeness = _read_likeness(weights) if config.get("likeness") else None
        self._remembered: OrderedDict[tuple[int, ...], Floats] = OrderedDict()
        self._lock = Lock()

    def documents(self, texts: Sequence[str]) -> Floats:
        """(n, d) unit vectors of sticker documents."""
        return self.vectors(self.pooled([self.tokens.document(text) for text in texts]))

    def utterances(self, texts: Sequence[str]) -> Floats:
        """(n, d) unit vectors of single messages."""
        return self.vectors(self.pooled([self.tokens.utterance(text) for text in texts]))

    def vectors(self, pooled: Floats) -> Floats:
        """(n, d) unit vectors of (n, width) pooled ones: those whose cosines are likeness."""
        return unit(pooled if self._likeness is None else pooled @ self._likeness.T)

    def conversations(self, conversations: Sequence[Conversation]) -> Floats:
        """(n, width) pooled vectors, not normalised; the last `REMEMBERED` ones are not run again."""
        rows = [self.tokens.conversation(conversation) for conversation in conversations]
        keys = [(row.start, row.stop, *row.ids) for row in rows]
        with self._lock:
            found = {key: self._remembered[key] for key in keys if key in self._remembered}
        new = {key: row for key, row in zip(keys, rows, strict=True) if key not in found}
        if new:
            found |= dict(zip(new, self.pooled(list(new.values())), strict=True))
            with self._lock:
                self._remembered.update((key, found[key]) for key in new)
                while len(self._remembered) > REMEMBERED:
                    self._remembered.popitem(last=False)
        return np.stack([found[key] for key in keys]) if keys else np.empty((0, self.width), np.float32)

    def pooled(self, rows: Sequence[Row]) -> Floats:
        """(n, width) pooled vectors, not normalised; rows run together with others of similar length."""
        found = np.empty((len(rows), self.width), np.float32)
        for chosen in runs_of_similar_length([len(row.ids) for row in rows], BATCH, TOKENS_PER_RUN):
            batch = pad(rows[at] for at in chosen)
            try:
                feeds = {"ids": batch.ids, "mask": batch.mask, "pool": batch.pool}
                found[chosen] = self._session.run(None, feeds)[0]
            except Exception as error:  # the runtime's own exception classes share no public base
                raise ModelError(f"the text tower failed on {batch.ids.shape} tokens: {error}") from error
        return found


def _read_likeness(weights: Path) -> Floats:
    """(d, width), what brings pooled vectors to the space that likeness is measured in."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(weights, "numpy") as file:
            return np.asarray(file.get_tensor("likeness.weight"), np.float32)
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{weights} lacks likeness.weight ({error}); copy the checkpoint again") from error


def build_graph(weights: Path, config: Mapping[str, Any]) -> bytes:
    """The graph over the checkpoint's weights file: what ``graph.onnx`` holds.

    Raises:
        ModelError: the weights do not fit the configuration.
        MissingExtra: the `onnx` package is not installed.
    """
    shape = BertShape.from_config(config)
    return build_bert_graph(weights, shape, int(config["max_tokens"]), weighted=True)


def unit(vectors: Floats) -> Floats:
    """Every row (n, d) divided by its length."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12), np.float32)
