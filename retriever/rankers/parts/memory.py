"""What a frozen encoder has read before, so that it reads everything once."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from torch import Tensor

from retriever.store.atomic import write_bytes

__all__ = ["Memory", "fingerprint"]


def fingerprint(weights: Mapping[str, Tensor], shape: str = "") -> str:
    """Of everything that what was read depends on: weights by name, and what no weight tells."""
    digest = hashlib.sha256(shape.encode())
    for name, value in sorted(weights.items()):
        digest.update(f"{name} {tuple(value.shape)}".encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:24]


class Memory:
    """By key, what an encoder that no longer changes made of a text: (k, width) states, k of any size.

    Args:
        width: of the states.
        kind: type that they are kept as.
        room: bytes at most; the oldest texts are forgotten first when there is no more.
        file: what an earlier run of the same encoder kept, and where `keep` writes; a file that cannot be
            read, or has another width, is as good as none.
        keep_every: new texts after which `keep` happens by itself, so that a killed run need not read them
            again; None for never.
    """

    def __init__(
        self,
        width: int,
        kind: torch.dtype = torch.float16,
        room: int = 2 << 30,
        file: Path | None = None,
        keep_every: int | None = None,
    ) -> None:
        self.width, self.kind, self.room, self.used = width, kind, room, 0
        self._states: dict[bytes, Tensor] = {}
        self._file, self._keep_every = file, keep_every
        self._recall()
        self._kept, self._new = len(self._states), 0

    def __call__(self, keys: Sequence[bytes], read: Callable[[list[int]], Sequence[Tensor]]) -> list[Tensor]:
        """The states of every key, in order.

        Args:
            keys: equal ones stand for equal texts.
            read: the encoder; called without gradient for the positions in `keys` of what is new, once each.
        """
        new = {key: at for at, key in enumerate(keys) if key not in self._states}
        if new:
            with torch.no_grad():
                states = read(list(new.values()))
            for key, state in zip(new, states, strict=True):
                self._add(key, state.detach().to(self.kind, copy=True))
            self._new += len(new)
        found = [self._states[key] for key in keys]
        if self._keep_every and self._new >= self._keep_every:
            self.keep()
        while self.used > self.room and len(self._states) > 1:
            gone = self._states.pop(next(iter(self._states)))
            self.used -= gone.nbytes
        return found

    def keep(self) -> None:
        """Write what is known to the file, if there is one and it knows less. Of several writers one wins."""
        if self._file is None or len(self._states) <= self._kept:
            return
        from safetensors.torch import save

        states = [state.cpu() for state in self._states.values()]
        arrays = {
            "keys": torch.from_numpy(np.frombuffer(b"".join(self._states), np.uint8).copy()),
            "key_ends": torch.tensor([len(key) for key in self._states]).cumsum(0),
            "state_ends": torch.tensor([len(state) for state in states]).cumsum(0),
            "states": torch.cat(states),
        }
        write_bytes(self._file, save(arrays))
        self._kept, self._new = len(states), 0

    def _recall(self) -> None:
        from safetensors.torch import load_file

        if self._file is None or not self._file.is_file():
            return
        try:
            kept = load_file(self._file)
            keys, states = kept["keys"].numpy().tobytes(), kept["states"].to(self.kind)
            if states.shape[1] != self.width:
                return
            begins = ([0, *kept[name].tolist()] for name in ("key_ends", "state_ends"))
            for (a, b), (first, end) in zip(*map(pairwise, begins), strict=True):
                self._add(keys[a:b], states[first:end])
        except (OSError, SafetensorError, KeyError, RuntimeError, ValueError):
            self._states, self.used = {}, 0

    def _add(self, key: bytes, state: Tensor) -> None:
        self._states[key] = state
        self.used += state.nbytes
