"""What reads: the word table and the tower."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from retriever.errors import InputError
from retriever.rankers.parts.memory import Memory, fingerprint

__all__ = ["Reader"]

KEEP_EVERY = 10_000
"""Rows read anew after which they are written, so that a killed run need not read them again."""


class Reader(nn.Module):
    """Rows of tokens to pooled vectors.

    Args:
        tower: a transformers BERT or MPNet.
        words: (v, h) word embeddings, given to the tower as ``inputs_embeds``.
        n_new: how many of the last rows of `words` are new and learn faster.
    """

    def __init__(self, tower: nn.Module, words: Tensor, n_new: int) -> None:
        super().__init__()
        self.tower = tower
        self.words = nn.Parameter(words[: len(words) - n_new].clone())
        self.new_words = nn.Parameter(words[len(words) - n_new :].clone())
        self.memory: Memory | None = None

    @property
    def width(self) -> int:
        """h, of the pooled vectors."""
        return self.words.shape[1]

    def forward(self, ids: Tensor, mask: Tensor, pool: Tensor) -> Tensor:
        """(n, h) float32 pooled vectors, not normalised.

        Args:
            ids, mask, pool: (n, t), as in `retriever.encoders.dual.row.TokenBatch`.
        """
        return self._remember(self.memory, ids, mask, pool) if self.memory else self._read(ids, mask, pool)

    def _remember(self, memory: Memory, ids: Tensor, mask: Tensor, pool: Tensor) -> Tensor:
        lengths = mask.sum(1)
        first, pooled = (pool > 0).int().argmax(1), (pool > 0).sum(1)
        keys = [
            row[:length].tobytes() + bytes(f"{start}+{count}", "ascii")
            for row, length, start, count in zip(
                ids.cpu().numpy(), lengths.tolist(), first.tolist(), pooled.tolist(), strict=True
            )
        ]

        def read(rows: list[int]) -> list[Tensor]:
            chosen = torch.tensor(rows, device=ids.device)
            longest = int(lengths[chosen].max())
            vectors = self._read(*(each[chosen, :longest] for each in (ids, mask, pool)))
            return list(vectors.cpu()[:, None])

        return torch.cat(memory(keys, read)).to(ids.device)

    def _read(self, ids: Tensor, mask: Tensor, pool: Tensor) -> Tensor:
        words = F.embedding(ids, torch.cat([self.words, self.new_words]))
        states: Tensor = self.tower(inputs_embeds=words, attention_mask=mask).last_hidden_state
        return (states.float() * pool.float()[:, :, None]).sum(1)

    def learns(self, layers: int) -> None:
        """The tower's upper `layers` alone: words and what is below them stay as they are.

        Raises:
            InputError: the tower has fewer.
        """
        stack: Any = self.tower.encoder.layer  # type: ignore[union-attr]
        if layers > len(stack):
            raise InputError(f"learning is {layers}, but the tower has {len(stack)} layers")
        self.requires_grad_(False)
        stack[len(stack) - layers :].requires_grad_(True)

    def frozen(self, folder: Path | None = None) -> None:
        """The weights stay as they are from now on: every row is read once, and without dropout.

        Args:
            folder: where what was read is kept, for a run that goes on and for the next one.
        """
        for module in self.tower.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.0
        file = folder / f"pooled-{fingerprint(self.state_dict())}.safetensors" if folder else None
        self.memory = Memory(self.width, torch.float32, file=file, keep_every=KEEP_EVERY)

    def keep(self) -> None:
        """Leave what was read to later runs."""
        if self.memory:
            self.memory.keep()
