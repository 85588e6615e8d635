"""A trained MMBERT that ranks stickers: their vectors are kept, every pair is one pass of the whole BERT."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from retriever.checkpoints import content_id
from retriever.rankers.base import StickerFeatures
from retriever.rankers.mmbert.config import MMBERTModelConfig, Score
from retriever.rankers.mmbert.model import MMBERTModel
from retriever.rankers.mmbert.tokens import DialogueTokens
from retriever.rankers.parts.checkpoint import TOKENIZER, open_model, read_shape, save_model
from retriever.rankers.parts.list_ranker import ListRanker
from retriever.rankers.parts.pieces import load_pieces
from retriever.rankers.parts.torch_ranker import Precision
from retriever.scorers.base import Scores
from retriever.types import Conversation, Sticker

__all__ = ["MMBERTRanker", "save_mmbert"]

_PAIRS, _PAIRS_ON_GPU = 64, 1024


class MMBERTRanker(ListRanker[MMBERTModel, Score]):
    """A `retriever.rankers.base.Ranker`: inference only, without the heads of the auxiliary tasks.

    Args:
        model: in any state; it is put on `device` and into evaluation mode.
        tokens: those that `model` was built with.
        model_id: changes with the weights.
        device: ``auto``, ``cpu`` or ``cuda``.
        precision: ``bf16`` halves time and memory on a GPU, at the price of the last digits of the scores.
    """

    family = "mmbert"

    def __init__(
        self,
        model: MMBERTModel,
        tokens: DialogueTokens,
        model_id: str = "mmbert",
        device: str = "auto",
        precision: Precision = "fp32",
    ) -> None:
        super().__init__(model, model_id, device, precision)
        self.tokens = tokens

    @classmethod
    def load(cls, folder: Path, config: Mapping[str, Any], device: str = "auto") -> "MMBERTRanker":
        """Open a checkpoint.

        Raises:
            ModelError: its configuration, weights or tokenizer are damaged or do not belong together.
        """
        shape = read_shape(folder, config, MMBERTModelConfig, "MMBERT")
        tokens = DialogueTokens(load_pieces(folder / TOKENIZER), shape)
        model = open_model(folder, lambda: MMBERTModel(shape, tokens))
        return cls(model, tokens, f"mmbert-{content_id(folder)}", device)

    def encode_stickers(self, stickers: Sequence[Sticker]) -> StickerFeatures:
        """``vector`` (n, width) float32 and, where OCR is input, ``words`` (n, slots) int64.

        The words in a sticker are its attribute ``verbal``.

        Raises:
            BadImage: an image cannot be read.
        """
        parts = [
            self.encode_pixels(pixels, [sticker.attributes.verbal for sticker in chunk])
            for chunk, pixels in self._batches(stickers)
        ]
        if not parts:
            return self.encode_pixels(self._pixels([]), [])
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    @torch.inference_mode()
    def encode_pixels(self, pixels: NDArray[np.uint8], said: Sequence[str]) -> dict[str, NDArray[Any]]:
        """The features of (n, side, side, 3) uint8 pixels, scaled down where larger, and of their words."""
        vectors = [np.empty((0, self.model.text.width), np.float32)]
        for images in self._shown_in_batches(pixels):
            with self._autocast():
                seen = self.model.picture(self.model.see(images))
            vectors.append(seen.float().cpu().numpy())
        found: dict[str, NDArray[Any]] = {"vector": np.concatenate(vectors)}
        if self.model.config.ocr_input:
            found["words"] = self.tokens.words(said)
        return found

    def _pairs_of(
        self,
        conversations: Sequence[Conversation],
        features: StickerFeatures,
        rows: NDArray[np.integer[Any]],
        kind: Score | None,
    ) -> Scores:
        """One pass of the BERT a pair."""
        batch = self.tokens.dialogues(conversations)
        ids, mask = self._put(batch.ids, batch.mask)
        lengths = batch.mask.sum(1)
        of_text, of_sticker = np.repeat(np.arange(len(rows)), rows.shape[1]), rows.reshape(-1)
        size = _PAIRS if self.device.type == "cpu" else _PAIRS_ON_GPU
        parts = []
        for start in range(0, len(of_text), size):
            texts, stickers = of_text[start : start + size], of_sticker[start : start + size]
            longest = int(lengths[texts].max())
            vectors, slots = self.sticker_inputs(features, stickers)
            with self._autocast():
                parts.append(
                    self.model.score(ids[texts, :longest], mask[texts, :longest], vectors, slots, kind)
                )
        scores: Scores = torch.cat(parts).double().cpu().numpy()
        return scores

    def saliency(self, conversation: Conversation, features: StickerFeatures) -> NDArray[np.float64]:
        """(n, t): how much each token of the dialogue counts, were each of n stickers the right one.

        Figure 3: the norm of the gradient of the matching loss with regard to the token's word vector. The
        tokens are those of `DialogueTokens.shown`.
        """
        n = len(features["vector"])
        batch = self.tokens.dialogues([conversation])
        length = int(batch.mask[0].sum())
        ids, mask = self._put(batch.ids[:, :length], batch.mask[:, :length])
        pictures, slots = self.sticker_inputs(features, np.arange(n))
        with torch.enable_grad():
            vectors = self.model.text.words(ids).detach().expand(n, -1, -1).clone().requires_grad_()
            states = self.model.read(vectors, mask.expand(n, -1), pictures, slots, first_only=True)
            right = torch.ones(n, dtype=torch.long, device=self.device)
            loss = F.cross_entropy(self.model.match(states[:, 0]), right, reduction="sum")
            (gradient,) = torch.autograd.grad(loss, vectors)
        return gradient.double().norm(dim=-1).cpu().numpy()  # type: ignore[no-any-return]

    def sticker_inputs(
        self, features: StickerFeatures, rows: NDArray[np.integer[Any]]
    ) -> tuple[Tensor, Tensor | None]:
        """The sticker side of `rows` as the model takes it: vectors (n, width), slots (n, S) or None."""
        names = ("vector", "words") if self.model.config.ocr_input else ("vector",)
        found = self._put(*(features[name][rows] for name in names))
        return found[0], found[1] if len(found) > 1 else None


def save_mmbert(
    folder: Path, model: MMBERTModel, tokens: DialogueTokens, notes: Mapping[str, Any] | None = None
) -> None:
    """Write a checkpoint into an existing folder; `load_ranker` opens it.

    Args:
        notes: further entries of ``config.json``.
    """
    save_model(folder, "mmbert", model, model.config, tokens.pieces, notes)
