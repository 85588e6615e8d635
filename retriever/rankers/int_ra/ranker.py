"""A trained Int-RA model that ranks stickers: one vector a sticker, one text encoding a conversation."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from retriever.checkpoints import content_id
from retriever.rankers.base import StickerFeatures
from retriever.rankers.int_ra.config import IntRAModelConfig
from retriever.rankers.int_ra.model import IntRAModel, Queries, StickerVectors
from retriever.rankers.int_ra.tokens import IntRATokens, sticker_texts
from retriever.rankers.parts.checkpoint import TOKENIZER, open_model, read_shape, save_model
from retriever.rankers.parts.pieces import load_pieces
from retriever.rankers.parts.torch_ranker import Precision, TorchRanker
from retriever.scorers.base import Scores
from retriever.types import Conversation, Sticker

__all__ = ["IntRARanker", "save_int_ra"]

_CONVERSATIONS = 64


class IntRARanker(TorchRanker[IntRAModel]):
    """A `retriever.rankers.base.Ranker`, dense: the sticker side is one vector, its score a cosine.

    Args:
        model: in any state; it is put on `device` and into evaluation mode. Its weights must not change
            while this ranker is used: the encoded labels are kept.
        tokens: of the text encoder.
        model_id: changes with the weights.
        device: ``auto``, ``cpu`` or ``cuda``.
        precision: ``bf16`` halves time and memory on a GPU, at the price of the last digits of the scores.
    """

    family = "int_ra"
    dense = True

    def __init__(
        self,
        model: IntRAModel,
        tokens: IntRATokens,
        model_id: str = "int_ra",
        device: str = "auto",
        precision: Precision = "fp32",
    ) -> None:
        super().__init__(model, model_id, device, precision)
        self.tokens = tokens
        self._labels: Tensor | None = None

    @classmethod
    def load(cls, folder: Path, config: Mapping[str, Any], device: str = "auto") -> "IntRARanker":
        """Open a checkpoint.

        Raises:
            ModelError: its configuration, weights or tokenizer are damaged or do not belong together.
        """
        shape = read_shape(folder, config, IntRAModelConfig, "Int-RA")
        tokens = IntRATokens(load_pieces(folder / TOKENIZER), shape)
        model = open_model(folder, lambda: IntRAModel(shape, tokens.pieces.size, tokens.labels()))
        return cls(model, tokens, f"int_ra-{content_id(folder)}", device)

    @property
    def config(self) -> IntRAModelConfig:
        """What the model is made of."""
        return self.model.config

    @property
    def reads_inferences(self) -> bool:
        """Whether it makes use of a conversation's inferred knowledge."""
        return self.config.knowledge

    def encode_stickers(self, stickers: Sequence[Sticker]) -> StickerFeatures:
        """``vector`` (n, d) float32, unit vectors: of the picture and of the attributes each sticker has.

        Raises:
            BadImage: an image cannot be read.
        """
        found = [np.empty((0, self.config.width), np.float32)]
        for chunk, pixels in self._batches(stickers):
            encoded = self.encode(pixels, [sticker_texts(sticker, self.config) for sticker in chunk])
            found.append(encoded.vector.cpu().numpy())
        return {"vector": np.concatenate(found)}

    def score(self, conversation: Conversation, features: StickerFeatures) -> Scores:
        """(n,): cosines, in [-1, 1].

        Raises:
            ModelError: a score is not finite.
        """
        scores: Scores = self.cosines([conversation], features["vector"])[0]
        return scores

    def cosines(self, conversations: Sequence[Conversation], vectors: NDArray[np.float32]) -> Scores:
        """(k, n): every conversation with every sticker.

        Args:
            vectors: (n, d), of `encode_stickers`.

        Raises:
            ModelError: a score is not finite.
        """
        queries = [
            self.queries(conversations[start : start + _CONVERSATIONS]).vector.cpu().numpy()
            for start in range(0, len(conversations), _CONVERSATIONS)
        ]
        return self._finite((np.concatenate(queries) @ vectors.T).astype(np.float64))

    def expected(self, conversation: Conversation) -> dict[str, dict[str, float]]:
        """Probabilities of the intentions (or emotions, see ``labels``); none for a model without."""
        logits = self.queries([conversation]).logits
        if logits is None:
            return {}
        found = logits[0].double().softmax(-1).tolist()
        return {self.config.labels: dict(zip(self.config.label_names, found, strict=True))}

    def relations(self, stickers: Sequence[Sticker]) -> NDArray[np.float32]:
        """(n, s): how much each region of each sticker counts (equation 12, figure 6), in [0, 1].

        A ViT's and a ResNet's regions are a square, row by row. Without attributes all are the same.

        Raises:
            BadImage: an image cannot be read.
        """
        encoded = self.encode(
            self._pixels(stickers), [sticker_texts(sticker, self.config) for sticker in stickers]
        )
        return encoded.relations.float().cpu().numpy()

    @torch.inference_mode()
    def encode(self, pixels: NDArray[np.uint8], texts: Sequence[Sequence[str]]) -> StickerVectors:
        """Stickers encoded, on this ranker's device.

        Args:
            pixels: (n, side, side, 3) uint8; scaled down where larger than the model's.
            texts: of each, as `sticker_texts` gives them.
        """
        said = self.tokens.stickers(texts)
        ids, mask, which = self._put(said.rows.ids, said.rows.mask, said.which)
        images = self._shown(pixels)
        with self._autocast():
            return self.model.stickers(images, ids, mask, which)

    @torch.inference_mode()
    def queries(self, conversations: Sequence[Conversation]) -> Queries:
        """Conversations encoded, on this ranker's device."""
        rows = self.tokens.conversations(conversations)
        ids, mask = self._put(rows.ids, rows.mask)
        with self._autocast():
            if self._labels is None:
                self._labels = self.model.encode_labels()
            return self.model.queries(ids, mask, self._labels)


def save_int_ra(
    folder: Path, model: IntRAModel, tokens: IntRATokens, notes: Mapping[str, Any] | None = None
) -> None:
    """Write a checkpoint into an existing folder; `load_ranker` opens it.

    Args:
        notes: further entries of ``config.json``.
    """
    save_model(folder, "int_ra", model, model.config, tokens.pieces, notes)
