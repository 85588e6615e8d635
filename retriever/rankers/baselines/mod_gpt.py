"""MOD-GPT: one decoder over text and sticker vectors, which says the vector of the sticker to come.

The baseline of *Towards Expressive Communication with Internet Memes* (Fei et al. 2021), after its released
code. A turn is ``[speaker] [BOS] text [EOS]`` and, where it has a sticker, that sticker's vector mapped to
the decoder's width; a last ``[TAG]`` says the vector of the answer, and stickers are ranked by their
distance to it. Word pieces are a BERT's, with [CLS] as [BOS] and [SEP] as [EOS], as in the code, or those of
the GPT-2 it starts from.
Conversations here carry no stickers of earlier turns: `Decoder` takes them, `ModGpt.read` gives none.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from retriever.rankers.baselines.base import BaselineModel, Side, last_turns
from retriever.rankers.baselines.config import ModGptConfig
from retriever.rankers.parts.config import TextConfig
from retriever.rankers.parts.pieces import Pieces
from retriever.rankers.parts.vision import ImageEncoder
from retriever.types import Conversation

__all__ = ["SPECIAL", "Decoder", "ModGpt"]

SPECIAL = ("[speaker1]", "[speaker2]", "[TAG]", "[IMG]")
"""Numbers after the vocabulary's."""
SPEAKERS, TAG, IMG = (0, 1), 2, 3
STICKER = 2
"""The token type of [TAG] and of sticker vectors; 0 and 1 are the speakers'."""


# Not torch's module of it: the layers' fast path takes that for the exact one.
_ACTIVATIONS: dict[str, Any] = {"gelu": F.gelu, "gelu_tanh": partial(F.gelu, approximate="tanh")}


class Decoder(nn.Module):
    """GPT-2 (Radford et al. 2019): pre-norm layers, each position sees those before it.

    Args:
        config: sizes.
        vocabulary: of word pieces; `SPECIAL` come after them.
        sticker_width: of sticker vectors.
    """

    def __init__(self, config: TextConfig, vocabulary: int, sticker_width: int) -> None:
        super().__init__()
        width = self.width = config.width
        self.words = nn.Embedding(vocabulary + len(SPECIAL), width)
        self.positions = nn.Embedding(config.max_tokens, width)
        self.types = nn.Embedding(3, width)
        self.stickers = nn.Linear(sticker_width, width)
        self.dropout = nn.Dropout(config.dropout)
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(
                width,
                config.heads,
                config.ffn or 4 * width,
                config.dropout,
                _ACTIVATIONS[config.activation],
                batch_first=True,
                norm_first=True,
            )
            for _ in range(config.layers)
        )
        self.norm = nn.LayerNorm(width)
        for table in (self.words, self.positions, self.types):
            nn.init.normal_(table.weight, std=0.02)

    def forward(self, ids: Tensor, types: Tensor, stickers: Tensor | None = None) -> Tensor:
        """States (n, t, width); padding is on the right, where nothing that counts sees it.

        Args:
            ids, types: (n, t) int64.
            stickers: (n, t, sticker width), taken where `ids` is [IMG]; None where it never is.
        """
        length = ids.shape[1]
        vectors = self.words(ids)
        if stickers is not None:
            is_sticker = ids == self.words.num_embeddings - len(SPECIAL) + IMG
            vectors = torch.where(is_sticker[..., None], self.stickers(stickers).to(vectors.dtype), vectors)
        places = torch.arange(length, device=ids.device)
        states = self.dropout(vectors + self.positions(places) + self.types(types))
        later = torch.ones(length, length, dtype=torch.bool, device=ids.device).triu(1)
        for layer in self.layers:
            states = layer(states, src_mask=later)
        return self.norm(states)  # type: ignore[no-any-return]


class ModGpt(BaselineModel):
    """See `BaselineModel` for the arguments."""

    config: ModGptConfig

    def __init__(self, config: ModGptConfig, vocabulary: int) -> None:
        super().__init__()
        self.config = config
        self.vocabulary = vocabulary
        self.image = ImageEncoder(config.image)
        self.text = Decoder(config.text, vocabulary, self.image.width)
        self.sticker = nn.Linear(self.text.width, self.image.width)

    def read(self, pieces: Pieces, conversations: Sequence[Conversation]) -> dict[str, NDArray[np.int64]]:
        """``ids`` and ``types`` (n, t), ``tag`` (n,), the place of [TAG], and ``turn`` (n, t), -1 at markers.

        Turns that do not fit in ``text.max_tokens`` are left out, the oldest first; of a last one that is too
        long, its end stays. The first speaker of a conversation is [speaker1], all others are [speaker2].
        """
        rows = [self._row(pieces, last_turns(one, self.config.turns)) for one in conversations]
        length = max(len(ids) for ids, _, _ in rows)
        ids = np.full((len(rows), length), pieces.markers[0], np.int64)
        types, turn = np.zeros_like(ids), np.full_like(ids, -1)
        for at, row in enumerate(rows):
            for table, values in zip((ids, types, turn), row, strict=True):
                table[at, : len(values)] = values
        tag = np.array([len(row[0]) - 1 for row in rows], np.int64)
        return {"ids": ids, "types": types, "turn": turn, "tag": tag}

    def _row(self, pieces: Pieces, conversation: Conversation) -> tuple[list[int], list[int], list[int]]:
        _, bos, eos = pieces.markers
        first = conversation.utterances[0].speaker
        room = self.config.text.max_tokens - 1
        ids: list[int] = []
        types: list[int] = []
        turns: list[int] = []
        said = [utterance for utterance in conversation.utterances if utterance.text.strip()]
        cut = pieces.cut([utterance.text for utterance in said])
        for at in range(len(said) - 1, -1, -1):
            words = cut[at] if ids else cut[at][-(room - 3) :]
            if len(ids) + len(words) + 3 > room:
                break
            speaker = SPEAKERS[said[at].speaker != first]
            ids = [self.vocabulary + speaker, bos, *words, eos, *ids]
            types = [speaker] * (len(words) + 3) + types
            turns = [-1, -1, *[at] * (len(words) + 1), *turns]
        return [*ids, self.vocabulary + TAG], [*types, STICKER], [*turns, -1]

    def encode_texts(self, batch: Side) -> dict[str, Tensor]:
        """``vector`` (n, C_V): the sticker that the decoder says."""
        return {"vector": self.say(self.text(batch["ids"], batch["types"]), batch["tag"])}

    def say(self, states: Tensor, tag: Tensor) -> Tensor:
        """(n, C_V) float32, from the decoder's states (n, t, width) at the places `tag` (n,)."""
        own = torch.arange(len(tag), device=tag.device)
        return self.sticker(states[own, tag]).float()  # type: ignore[no-any-return]

    def encode_images(self, pixels: Tensor) -> dict[str, Tensor]:
        """``vector`` (n, C_V)."""
        return {"vector": self.image(pixels)[:, 0].float()}

    def score(self, texts: Side, images: Side) -> Tensor:
        """Minus the Euclidean distance."""
        with torch.autocast(texts["vector"].device.type, enabled=False):
            apart = texts["vector"].float() - images["vector"].float()
            distance: Tensor = torch.linalg.vector_norm(apart, dim=-1)
            return -distance
