"""The text encoders: a BERT's first layers, a transformer over words, an LSTM, a GRU; CLIP's is beside."""

from pathlib import Path
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from retriever.encoders.dual.row import ME, YOU
from retriever.errors import InputError
from retriever.rankers.parts.clip_text import ClipTextEncoder
from retriever.rankers.parts.config import TextConfig
from retriever.rankers.parts.layers import EPSILON, Layer, padding_mask
from retriever.rankers.parts.memory import Memory, fingerprint

__all__ = ["AttentiveEncoder", "RecurrentEncoder", "TextEncoder", "text_encoder"]


class AttentiveEncoder(nn.Module):
    """BERT (Devlin et al. 2019), or a transformer over words (Vaswani et al. 2017; learnt positions).

    ``w_cls`` is the state of [CLS], or the mean of all states, or of those from the last speaker's mark on.

    Args:
        config: sizes.
        vocabulary: entries of the word table.
    """

    def __init__(self, config: TextConfig, vocabulary: int) -> None:
        super().__init__()
        width = self.width = config.width
        self.heads, self.pool = config.heads, config.pool
        self.memory: Memory | None = None
        self.words = nn.Embedding(vocabulary, width)
        self.positions = nn.Embedding(config.max_tokens, width)
        self.norm = nn.LayerNorm(width, eps=EPSILON)
        self.dropout = nn.Dropout(config.dropout)
        ffn = config.ffn or 4 * width
        self.layers = nn.ModuleList(
            Layer(width, config.heads, ffn, dropout=config.dropout) for _ in range(config.layers)
        )
        for table in (self.words, self.positions):
            nn.init.normal_(table.weight, std=0.02)

    def forward(self, ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """(n, t) numbers and mask to states (n, t, width) and ``w_cls`` (n, width)."""
        states = self._read(ids, mask) if self.memory is None else self._remember(self.memory, ids, mask)
        if self.pool == "cls":
            return states, states[:, 0]
        chosen = mask
        if self.pool == "last":
            places = torch.arange(ids.shape[1], device=ids.device)
            starts = (((ids == ME) | (ids == YOU)) * places).amax(1, keepdim=True)
            chosen = mask * (places >= starts)
        shares = (chosen / chosen.sum(1, keepdim=True)).to(states.dtype)
        return states, (states * shares[:, :, None]).sum(1)

    def frozen(self, folder: Path | None = None) -> None:
        """The weights stay as they are from now on: every text is read once, unless dropout is drawn.

        Args:
            folder: where `keep` puts what was read, for the next run of the same weights.
        """
        if self.dropout.p == 0:
            file = (
                folder / f"{fingerprint(self.state_dict(), str(self.heads))}.safetensors" if folder else None
            )
            self.memory = Memory(self.width, file=file)

    def keep(self) -> None:
        """Leave what was read to later runs."""
        if self.memory is not None:
            self.memory.keep()

    def _remember(self, memory: Memory, ids: Tensor, mask: Tensor) -> Tensor:
        """What `_read` gives, but 0 at padding."""
        lengths = mask.sum(1).tolist()
        keys = [row[:length].tobytes() for row, length in zip(ids.cpu().numpy(), lengths, strict=True)]

        def read(rows: list[int]) -> list[Tensor]:
            longest = max(lengths[at] for at in rows)
            chosen = torch.tensor(rows, device=ids.device)
            states = self._read(ids[chosen, :longest], mask[chosen, :longest])
            return [state[: lengths[at]] for at, state in zip(rows, states, strict=True)]

        found = torch.zeros((*ids.shape, self.width), device=ids.device)
        for at, state in enumerate(memory(keys, read)):
            found[at, : len(state)] = state
        return found

    def _read(self, ids: Tensor, mask: Tensor) -> Tensor:
        return self.encode(self.words(ids), torch.arange(ids.shape[1], device=ids.device), mask)

    def encode(self, vectors: Tensor, places: Tensor, mask: Tensor, first_only: bool = False) -> Tensor:
        """States of a sequence whose elements are vectors already, words or not.

        Args:
            vectors: (n, t, width), before positions are added.
            places: (t,) or (n, t), each element's position.
            mask: (n, t), 1 where an element is.
            first_only: only the first element's state, (n, 1, width), at less work.
        """
        states = self.dropout(self.norm(vectors + self.positions(places)))
        seen = padding_mask(mask)
        last = len(self.layers) - 1
        for number, layer in enumerate(self.layers):
            states = layer(states, seen, first_only=first_only and number == last)
        return states  # type: ignore[no-any-return]


class RecurrentEncoder(nn.Module):
    """An LSTM or a GRU; ``w_cls`` is the mean of all states (section 3.1).

    Args:
        config: sizes; `bidirectional` gives half of the width to each direction.
        vocabulary: entries of the word table.
    """

    def __init__(self, config: TextConfig, vocabulary: int) -> None:
        super().__init__()
        self.width = config.width
        self.words = nn.Embedding(vocabulary, config.width)
        nn.init.normal_(self.words.weight, std=0.02)
        kind = nn.LSTM if config.kind == "lstm" else nn.GRU
        self.recurrent: Any = kind(
            config.width,
            config.width // 2 if config.bidirectional else config.width,
            num_layers=config.layers,
            batch_first=True,
            dropout=config.dropout if config.layers > 1 else 0.0,
            bidirectional=config.bidirectional,
        )
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """(n, t) numbers and mask to states (n, t, width), 0 at padding, and ``w_cls`` (n, width)."""
        lengths = mask.sum(1)
        packed = pack_padded_sequence(
            self.dropout(self.words(ids)), lengths.cpu(), batch_first=True, enforce_sorted=False
        )
        states, _ = pad_packed_sequence(
            self.recurrent(packed)[0], batch_first=True, total_length=ids.shape[1]
        )
        return states, states.sum(1) / lengths[:, None]


TextEncoder: TypeAlias = AttentiveEncoder | RecurrentEncoder | ClipTextEncoder


def text_encoder(config: TextConfig, vocabulary: int) -> TextEncoder:
    """The untrained encoder that `config` describes.

    Raises:
        InputError: it describes a decoder.
    """
    if config.kind == "gpt2":
        raise InputError("text.kind 'gpt2' is MOD-GPT's decoder; set another, such as bert or clip")
    if config.kind == "clip":
        return ClipTextEncoder(config, vocabulary)
    if config.kind in ("lstm", "gru"):
        return RecurrentEncoder(config, vocabulary)
    return AttentiveEncoder(config, vocabulary)
