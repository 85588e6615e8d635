"""SRS: *Learning to Respond with Stickers* (Gao et al., WWW 2020), and its released code.

A convolutional encoder gives a sticker's regions and its whole; self-attention encodes each utterance
apart; every utterance interacts with the regions (section 4.4); a GRU and a transformer fuse the utterances
(4.5, 4.6). Three differences from the code: padded words and utterances have no part in any softmax or
mean, pixels are normalised as the backbone expects, and words are as wide as the utterance encoder (the
code has 100 and 200).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from retriever.errors import InputError, ModelError
from retriever.extras import require
from retriever.rankers.baselines.base import BaselineModel, Side, last_turns
from retriever.rankers.baselines.config import SrsConfig
from retriever.rankers.parts.config import ImageConfig
from retriever.rankers.parts.layers import Layer, padding_mask
from retriever.rankers.parts.pieces import Pieces
from retriever.rankers.parts.text import text_encoder
from retriever.rankers.parts.vision import fill_body
from retriever.types import Conversation

__all__ = ["ConvEncoder", "Srs"]


class ConvEncoder(nn.Module):
    """A timm model's last feature map but one as regions, the mean of its last as the whole.

    Of Inception v3 at 128 pixels: Mixed_6e, 6 x 6 x 768, and 2048 numbers, as in the code.

    Raises:
        InputError: no such model, or one without feature maps.
        ModelError: its weights cannot be had, or do not fit.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, config: ImageConfig) -> None:
        super().__init__()
        timm = require("timm", "train", "the image encoder")
        if not timm.is_model(config.model):
            raise InputError(f"timm has no model {config.model!r}")
        options: dict[str, Any] = {"pretrained": config.pretrained == "timm", **config.options}
        try:
            self.body: Any = timm.create_model(
                config.model, features_only=True, out_indices=(-2, -1), **options
            )
        except (TypeError, ValueError, AssertionError, RuntimeError, AttributeError) as error:
            raise InputError(
                f"timm gives no feature maps of {config.model} ({str(error)[:200]}); srs needs a "
                "convolutional model such as inception_v3 or resnet50"
            ) from error
        except Exception as error:  # of the hub: its client raises anything
            raise ModelError(
                f"timm's weights of {config.model} cannot be had ({str(error)[:200]})"
            ) from error
        if config.pretrained not in (None, "timm"):
            fill_body(self.body, Path(config.pretrained).expanduser())
        self.region_width, self.width = self.body.feature_info.channels()
        self.register_buffer("mean", torch.tensor(config.mean)[:, None, None], persistent=False)
        self.register_buffer("std", torch.tensor(config.std)[:, None, None], persistent=False)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """(n, 3, size, size) in [0, 1] to regions (n, s, region_width) and wholes (n, width)."""
        regions, last = self.body((pixels - self.mean) / self.std)
        return regions.flatten(2).transpose(1, 2), last.mean((2, 3))


class Srs(BaselineModel):
    """See `BaselineModel` for the arguments."""

    config: SrsConfig

    def __init__(self, config: SrsConfig, vocabulary: int) -> None:
        super().__init__()
        self.config = config
        hidden, wide = config.hidden, 2 * config.hidden
        self.image = ConvEncoder(config.image)
        self.text = text_encoder(config.text, vocabulary)
        self.word_entrance = nn.Linear(self.text.width, wide, bias=False)
        self.region_entrance = nn.Linear(self.image.region_width, wide, bias=False)
        self.whole_entrance = nn.Linear(self.image.width, wide, bias=False)
        self.short_term = nn.GRU(5 * wide, hidden, batch_first=True)
        self.entrance = nn.Linear(5 * wide, hidden)
        self.places = nn.Embedding(config.utterances, hidden)
        self.long_term = nn.ModuleList(
            Layer(hidden, config.heads, 4 * hidden, dropout=config.dropout) for _ in range(config.layers)
        )
        self.alike = nn.Linear(hidden, hidden, bias=False)
        self.compare = nn.Linear(2 * hidden, hidden)
        self.fusion = nn.GRU(hidden, hidden, batch_first=True)
        self.head = nn.Linear(hidden, 1)

    def read(self, pieces: Pieces, conversations: Sequence[Conversation]) -> dict[str, NDArray[np.int64]]:
        """``ids`` and ``mask`` (n, utterances, words): the last utterances, the first words of each."""
        limit = min(self.config.utterances, self.config.turns or self.config.utterances)
        said = [
            [utterance.text for utterance in last_turns(conversation, limit).utterances]
            for conversation in conversations
        ]
        cut = iter(pieces.cut([text for texts in said for text in texts]))
        rows = [[next(cut)[: self.config.words] or [pieces.markers[0]] for _ in texts] for texts in said]
        depth, length = max(map(len, rows)), max(len(words) for row in rows for words in row)
        ids = np.full((len(rows), depth, length), pieces.markers[0], np.int64)
        mask = np.zeros_like(ids)
        for at, row in enumerate(rows):
            for turn, words in enumerate(row):
                ids[at, turn, : len(words)], mask[at, turn, : len(words)] = words, 1
        return {"ids": ids, "mask": mask}

    def encode_texts(self, batch: Side) -> dict[str, Tensor]:
        """``words`` (n, utterances, words, 2 hidden) and their ``mask``."""
        ids, mask = batch["ids"], batch["mask"]
        shown = mask.clone()
        shown[..., 0] = (
            1  # an utterance that is not there attends to its first padding, and is left out later
        )
        states = self.text(ids.flatten(0, 1), shown.flatten(0, 1))[0]
        return {"words": self.word_entrance(states).unflatten(0, ids.shape[:2]), "mask": mask}

    def encode_images(self, pixels: Tensor) -> dict[str, Tensor]:
        """``regions`` (n, s, 2 hidden) and ``whole`` (n, 2 hidden)."""
        return self.enter(*self.image(pixels))

    def enter(self, regions: Tensor, whole: Tensor) -> dict[str, Tensor]:
        """What `encode_images` gives, from the image encoder's two outputs."""
        return {"regions": self.region_entrance(regions), "whole": self.whole_entrance(whole)}

    def score(self, texts: Side, images: Side) -> Tensor:
        """The fused logit of n pairs."""
        mask = texts["mask"].bool()
        turns = mask.any(-1)
        states = self._interact(texts["words"], mask, images["regions"], images["whole"])
        return self._fuse(states, turns)

    def _interact(self, words: Tensor, mask: Tensor, regions: Tensor, whole: Tensor) -> Tensor:
        """(n, u, 10 hidden): each utterance and the sticker through each other's eyes.

        Args:
            words: (n, u, w, 2 hidden); `mask` (n, u, w) boolean.
            regions: (n, s, 2 hidden).
            whole: (n, 2 hidden).
        """
        alike = torch.einsum("nsd,nuwd->nusw", regions, words).float() * words.shape[-1] ** -0.5
        alike = alike.masked_fill(~mask[:, :, None], -torch.inf)
        there = mask.any(-1)
        alike = alike.masked_fill(~there[..., None, None], 0)  # no softmax over nothing
        of_words = alike.softmax(3).amax(2) * mask
        count = mask.sum(-1).clamp(min=1)
        said = torch.einsum("nuw,nuwd->nud", of_words, words.float()) / count[..., None]
        of_regions = alike.softmax(2).masked_fill(~mask[:, :, None], 0).amax(3)
        seen = torch.einsum("nus,nsd->nud", of_regions, regions.float()) / regions.shape[1]
        sticker = whole[:, None].float().expand_as(said)
        return torch.cat([said + sticker, said * sticker, said, sticker, seen], -1)

    def _fuse(self, states: Tensor, turns: Tensor) -> Tensor:
        """(n,) from (n, u, 10 hidden); `turns` (n, u) says which utterances there are, the first ones."""
        short = self.short_term(states)[0]
        long = self.entrance(states) + self.places.weight[: states.shape[1]]
        for layer in self.long_term:
            long = layer(long, padding_mask(turns))
        scores = long @ self.alike(short).transpose(1, 2)
        weights = scores.float().masked_fill(~turns[:, None], -torch.inf).softmax(-1).to(short.dtype)
        found = weights @ short
        joint = F.relu(self.compare(torch.cat([found * long, found - long], -1)))
        states = self.fusion(joint)[0]
        last = turns.sum(1) - 1
        own = torch.arange(len(last), device=last.device)
        return self.head(states[own, last])[:, 0].float()  # type: ignore[no-any-return]
