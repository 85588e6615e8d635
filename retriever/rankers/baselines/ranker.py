"""A trained baseline that ranks stickers: one class for every family of `CONFIGS`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from retriever.checkpoints import content_id
from retriever.rankers.base import StickerFeatures
from retriever.rankers.baselines.base import BaselineModel, Side, pick
from retriever.rankers.baselines.config import CONFIGS
from retriever.rankers.baselines.models import build_model
from retriever.rankers.parts.checkpoint import TOKENIZER, open_model, read_shape, save_model
from retriever.rankers.parts.pieces import Pieces, load_pieces
from retriever.rankers.parts.torch_ranker import Precision, TorchRanker
from retriever.scorers.base import Scores
from retriever.types import Conversation, Sticker

__all__ = ["BaselineRanker", "save_baseline"]

_PAIRS, _PAIRS_ON_GPU = 256, 4096


class BaselineRanker(TorchRanker[BaselineModel]):
    """A `retriever.rankers.base.Ranker`: inference only.

    Args:
        family: one of `CONFIGS`.
        model: in any state; it is put on `device` and into evaluation mode.
        pieces: the vocabulary of its text encoder.
        model_id: changes with the weights.
        device: ``auto``, ``cpu`` or ``cuda``.
        precision: ``bf16`` halves time and memory on a GPU, at the price of the last digits of the scores.
    """

    def __init__(
        self,
        family: str,
        model: BaselineModel,
        pieces: Pieces,
        model_id: str | None = None,
        device: str = "auto",
        precision: Precision = "fp32",
    ) -> None:
        super().__init__(model, model_id or family, device, precision)
        self.family = family
        self.pieces = pieces

    @classmethod
    def load(cls, folder: Path, config: Mapping[str, Any], device: str = "auto") -> "BaselineRanker":
        """Open a checkpoint.

        Raises:
            ModelError: its configuration, weights or tokenizer are damaged or do not belong together.
        """
        family = str(config["family"])
        shape = read_shape(folder, config, CONFIGS[family], family)
        pieces = load_pieces(folder / TOKENIZER)
        model = open_model(folder, lambda: build_model(family, shape, pieces.size))
        return cls(family, model, pieces, f"{family}-{content_id(folder)}", device)

    @torch.inference_mode()
    def encode_stickers(self, stickers: Sequence[Sticker]) -> StickerFeatures:
        """What the model keeps of each sticker, float32, by its own names.

        Raises:
            BadImage: an image cannot be read.
        """
        return self._encode_all(stickers, self.encode_pixels)

    def encode_pixels(self, pixels: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
        """The features of (n, side, side, 3) uint8 pixels, as `encode_stickers` gives them."""
        return {name: values.float().cpu().numpy() for name, values in self.images(pixels).items()}

    @torch.inference_mode()
    def score(self, conversation: Conversation, features: StickerFeatures) -> Scores:
        """(n,): one score a sticker, higher is better.

        Raises:
            ModelError: a score is not finite.
        """
        images = dict(zip(features, self._put(*features.values()), strict=True))
        n = len(next(iter(images.values())))
        if not n:
            return np.empty(0)
        return self.pairs(self.texts([conversation]), images, np.zeros(n, np.int64), np.arange(n))

    @torch.inference_mode()
    def images(self, pixels: NDArray[np.uint8]) -> dict[str, Tensor]:
        """(n, side, side, 3) uint8 pixels encoded, on this ranker's device; scaled down where larger."""
        parts = []
        for images in self._shown_in_batches(pixels):
            with self._autocast():
                parts.append(self.model.encode_images(images))
        return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}

    @torch.inference_mode()
    def texts(self, conversations: Sequence[Conversation]) -> dict[str, Tensor]:
        """Conversations encoded, on this ranker's device."""
        arrays = self.model.read(self.pieces, conversations)
        batch = dict(zip(arrays, self._put(*arrays.values()), strict=True))
        with self._autocast():
            return self.model.encode_texts(batch)

    @torch.inference_mode()
    def pairs(
        self,
        texts: Side,
        images: Side,
        of_text: NDArray[np.integer[Any]],
        of_image: NDArray[np.integer[Any]],
    ) -> Scores:
        """(p,): the score of each pair of a row of `texts` and a row of `images`, (p,) each.

        Raises:
            ModelError: a score is not finite.
        """
        left, right = self._put(of_text, of_image)
        size = _PAIRS if self.device.type == "cpu" else _PAIRS_ON_GPU
        parts = []
        for start in range(0, len(left), size):
            with self._autocast():
                chosen = pick(texts, left[start : start + size]), pick(images, right[start : start + size])
                parts.append(self.model.score(*chosen).float())
        return self._finite(torch.cat(parts).double().cpu().numpy())


def save_baseline(
    folder: Path, family: str, model: BaselineModel, pieces: Pieces, notes: Mapping[str, Any] | None = None
) -> None:
    """Write a checkpoint into an existing folder; `load_ranker` opens it.

    Args:
        notes: further entries of ``config.json``.
    """
    save_model(folder, family, model, model.config, pieces, notes)
