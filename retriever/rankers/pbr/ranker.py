"""A trained PBR model that ranks stickers: encoded once, matched with every conversation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from retriever.checkpoints import content_id
from retriever.rankers.base import StickerFeatures
from retriever.rankers.parts.checkpoint import TOKENIZER, open_model, read_shape, save_model
from retriever.rankers.parts.list_ranker import ListRanker
from retriever.rankers.parts.pieces import load_pieces
from retriever.rankers.parts.tokens import ConversationTokens
from retriever.rankers.parts.torch_ranker import Precision
from retriever.rankers.pbr.config import PBRModelConfig, Score
from retriever.rankers.pbr.model import Encoded, PBRModel
from retriever.scorers.base import Scores
from retriever.types import Conversation, Sticker

__all__ = ["Attention", "PBRRanker", "save_pbr"]

_PAIRS, _PAIRS_ON_GPU = 256, 4096


@dataclass(frozen=True, slots=True)
class Attention:
    """Where the model looked when it matched one conversation with n stickers (figure 6).

    Attributes:
        utterances: (n, u) over the conversation's utterances, from the self-attention of [CLS]; what it
            gives itself is left out, and each row sums to 1.
        regions: (n, s) over the sticker's regions, from the cross attention of [CLS]; the image's own [CLS]
            is left out, and each row sums to 1. A ViT's and a ResNet's regions are a square, row by row.
    """

    utterances: NDArray[np.float64]
    regions: NDArray[np.float64]


class PBRRanker(ListRanker[PBRModel, Score]):
    """A `retriever.rankers.base.Ranker`: inference only, without the heads of training.

    Args:
        model: in any state; it is put on `device` and into evaluation mode.
        tokens: of the text encoder.
        model_id: changes with the weights.
        device: ``auto``, ``cpu`` or ``cuda``.
        precision: ``bf16`` halves time and memory on a GPU, at the price of the last digits of the scores.
    """

    family = "pbr"
    halved = frozenset({"regions"})
    """Some 150,000 numbers a sticker with a ViT-B/16, which attention averages; ``vector`` is small."""

    def __init__(
        self,
        model: PBRModel,
        tokens: ConversationTokens,
        model_id: str = "pbr",
        device: str = "auto",
        precision: Precision = "fp32",
    ) -> None:
        super().__init__(model, model_id, device, precision)
        self.tokens = tokens

    @classmethod
    def load(cls, folder: Path, config: Mapping[str, Any], device: str = "auto") -> "PBRRanker":
        """Open a checkpoint.

        Raises:
            ModelError: its configuration, weights or tokenizer are damaged or do not belong together.
        """
        shape = read_shape(folder, config, PBRModelConfig, "PBR")
        pieces = load_pieces(folder / TOKENIZER)
        model = open_model(folder, lambda: PBRModel(shape, pieces.size))
        return cls(model, ConversationTokens(pieces, shape.text), f"pbr-{content_id(folder)}", device)

    @torch.inference_mode()
    def encode_stickers(self, stickers: Sequence[Sticker]) -> StickerFeatures:
        """``regions`` (n, 1 + s, C_V), the picture's own vector first, and ``vector`` (n, C), float32.

        Raises:
            BadImage: an image cannot be read.
        """
        return self._encode_all(stickers, self.encode_pixels)

    def encode_pixels(self, pixels: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
        """The features of (n, side, side, 3) uint8 pixels, as `encode_stickers` gives them."""
        encoded = self.images(pixels)
        return {
            "regions": encoded.states.float().cpu().numpy(),
            "vector": encoded.vector.float().cpu().numpy(),
        }

    def _pairs_of(
        self,
        conversations: Sequence[Conversation],
        features: StickerFeatures,
        rows: NDArray[np.integer[Any]],
        kind: Score | None,
    ) -> Scores:
        used, inverse = np.unique(rows, return_inverse=True)
        of_text = np.repeat(np.arange(len(rows)), rows.shape[1])
        images = self._images(features, used)
        return self.pairs(self.texts(conversations), images, of_text, inverse.reshape(-1), kind)

    @torch.inference_mode()
    def images(self, pixels: NDArray[np.uint8]) -> Encoded:
        """(n, side, side, 3) uint8 pixels encoded, on this ranker's device; scaled down where larger."""
        parts = []
        for images in self._shown_in_batches(pixels):
            with self._autocast():
                parts.append(self.model.encode_images(images))
        return Encoded(torch.cat([part.states for part in parts]), torch.cat([part.vector for part in parts]))

    @torch.inference_mode()
    def texts(self, conversations: Sequence[Conversation]) -> Encoded:
        """Conversations encoded, on this ranker's device."""
        batch = self.tokens.batch(conversations)
        ids, mask = self._put(batch.ids, batch.mask)
        with self._autocast():
            return self.model.encode_texts(ids, mask)

    @torch.inference_mode()
    def pairs(
        self,
        texts: Encoded,
        images: Encoded,
        of_text: NDArray[np.integer[Any]],
        of_image: NDArray[np.integer[Any]],
        kind: Score | None = None,
    ) -> Scores:
        """(p,): the score of each pair of a row of `texts` and a row of `images`, (p,) each.

        Raises:
            ModelError: a score is not finite.
        """
        left, right = self._put(of_text, of_image)
        size = _PAIRS if self.device.type == "cpu" else _PAIRS_ON_GPU
        parts = []
        for start in range(0, len(left), size):
            used, of = torch.unique(left[start : start + size], return_inverse=True)
            at = right[start : start + size]
            with self._autocast():
                parts.append(self.model.score(texts.rows(used), images.rows(at), of, kind))
        return self._finite(torch.cat(parts).double().cpu().numpy())

    @torch.inference_mode()
    def attention(self, conversation: Conversation, features: StickerFeatures) -> Attention:
        """Where the model looks when it matches `conversation` with each of n stickers."""
        n = len(features["vector"])
        read = self.texts([conversation])
        assert read.mask is not None
        states, mask = read.states.expand(n, -1, -1), read.mask.expand(n, -1)
        images = self._images(features, np.arange(n))
        words, places = self.model.fusion.attention(states, mask, images.states)
        turn = self.tokens.batch([conversation]).turn[0]
        utterances = np.zeros((n, len(conversation.utterances)))
        for at in range(utterances.shape[1]):
            utterances[:, at] = words[:, torch.from_numpy(turn == at)].sum(1).double().cpu().numpy()
        regions = places[:, 1:].double().cpu().numpy()
        return Attention(
            utterances / utterances.sum(1, keepdims=True), regions / regions.sum(1, keepdims=True)
        )

    def _images(self, features: StickerFeatures, rows: NDArray[np.integer[Any]]) -> Encoded:
        states, vector = self._put(features["regions"][rows], features["vector"][rows])
        return Encoded(states.float(), vector.float())


def save_pbr(
    folder: Path, model: PBRModel, tokens: ConversationTokens, notes: Mapping[str, Any] | None = None
) -> None:
    """Write a checkpoint into an existing folder; `load_ranker` opens it.

    Args:
        notes: further entries of ``config.json``.
    """
    save_model(folder, "pbr", model, model.config, tokens.pieces, notes)
