"""What reads: the word table and the tower, and what a tower that no longer changes has read before."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from torch import Tensor, nn
from torch.nn import functional as F

from retriever.errors import InputError
from retriever.rankers.parts.memory import fingerprint
from retriever.store.atomic import write_bytes

__all__ = ["Reader", "VectorMemory"]

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
        self.memory: VectorMemory | None = None

    @property
    def width(self) -> int:
        """h, of the pooled vectors."""
        return self.words.shape[1]

    def forward(self, ids: Tensor, mask: Tensor, pool: Tensor) -> Tensor:
        """(n, h) float32 pooled vectors, not normalised.

        Args:
            ids, mask, pool: (n, t), as in `retriever.encoders.dual.row.TokenBatch`.
        """
        return self.memory(self._read, ids, mask, pool) if self.memory else self._read(ids, mask, pool)

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
        """The weights stay as they are from now on: every row is read once.

        Args:
            folder: where what was read is kept, for a run that goes on and for the next one.
        """
        file = folder / f"pooled-{fingerprint(self.state_dict())}.safetensors" if folder else None
        self.memory = VectorMemory(self.width, file)

    def keep(self) -> None:
        """Leave what was read to later runs."""
        if self.memory:
            self.memory.keep()


class VectorMemory:
    """One vector a row of tokens, kept from when it was first asked for.

    Args:
        width: of the vectors.
        file: what an earlier run of the same tower kept, and where `keep` writes; a file that cannot be read
            is as good as none.
    """

    def __init__(self, width: int, file: Path | None = None) -> None:
        self._vectors: dict[bytes, Tensor] = {}
        self._width, self._file = width, file
        self._kept = self._recall() if file else 0

    def __call__(
        self, read: Callable[[Tensor, Tensor, Tensor], Tensor], ids: Tensor, mask: Tensor, pool: Tensor
    ) -> Tensor:
        """(n, width) of rows padded on the right.

        Args:
            read: the tower; called with the rows that are new, once each.
        """
        lengths = mask.sum(1)
        first, pooled = (pool > 0).int().argmax(1), (pool > 0).sum(1)
        rows = ids.cpu().numpy()
        keys = [
            row[:length].tobytes() + bytes(f"{start}+{count}", "ascii")
            for row, length, start, count in zip(
                rows, lengths.tolist(), first.tolist(), pooled.tolist(), strict=True
            )
        ]
        new = {key: at for at, key in enumerate(keys) if key not in self._vectors}
        if new:
            chosen = torch.tensor(list(new.values()), device=ids.device)
            longest = int(lengths[chosen].max())
            with torch.no_grad():
                vectors = read(*(each[chosen, :longest] for each in (ids, mask, pool)))
            self._vectors.update(zip(new, vectors.float().cpu(), strict=True))
            if len(self._vectors) - self._kept >= KEEP_EVERY:
                self.keep()
        return torch.stack([self._vectors[key] for key in keys]).to(ids.device)

    def keep(self) -> None:
        """Write what is known to the file, if there is one and it knows less."""
        if self._file is None or len(self._vectors) <= self._kept:
            return
        from safetensors.numpy import save

        arrays: dict[str, NDArray[Any]] = {
            "keys": np.frombuffer(b"".join(self._vectors), np.uint8),
            "lengths": np.array([len(key) for key in self._vectors], np.int64),
            "vectors": torch.stack(list(self._vectors.values())).numpy(),
        }
        write_bytes(self._file, save(arrays))
        self._kept = len(self._vectors)

    def _recall(self) -> int:
        from safetensors.torch import load_file

        if self._file is None or not self._file.is_file():
            return 0
        try:
            found = load_file(self._file)
            keys, ends = found["keys"].numpy().tobytes(), np.cumsum(found["lengths"].numpy()).tolist()
            vectors = found["vectors"]
            if vectors.shape != (len(ends), self._width):
                return 0
        except (OSError, SafetensorError, KeyError, RuntimeError, ValueError):
            return 0
        starts = [0, *ends[:-1]]
        self._vectors = {keys[a:b]: row for a, b, row in zip(starts, ends, vectors, strict=True)}
        return len(self._vectors)
