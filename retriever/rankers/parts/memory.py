"""States of texts that a frozen encoder has read before."""

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from retriever.store.atomic import write_bytes

__all__ = ["StateMemory", "fingerprint"]


def fingerprint(weights: Mapping[str, Tensor], shape: str = "") -> str:
    """Of everything that what was read depends on: weights by name, and what no weight tells."""
    digest = hashlib.sha256(shape.encode())
    for name, value in sorted(weights.items()):
        digest.update(f"{name} {tuple(value.shape)}".encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:24]


class StateMemory:
    """What an encoder that no longer changes said of each text, so that it reads every text once.

    Kept as float16 where the encoder is, the oldest texts forgotten first when there is no more room.

    Args:
        room: bytes at most.
        file: what an earlier run of the same encoder kept, and where `keep` writes; a file that cannot be
            read is as good as none.
    """

    def __init__(self, room: int = 2 << 30, file: Path | None = None) -> None:
        self.room, self.used = room, 0
        self._states: dict[bytes, Tensor] = {}
        self._file = file
        self._known = self._recall() if file else 0

    def __call__(self, read: Callable[[Tensor, Tensor], Tensor], ids: Tensor, mask: Tensor) -> Tensor:
        """(n, t, width) states of (n, t) texts padded on the right; 0 at padding.

        Args:
            read: the encoder, (n, t) numbers and mask to (n, t, width) states.
        """
        lengths = mask.sum(1).tolist()
        keys = [row[:length].tobytes() for row, length in zip(ids.cpu().numpy(), lengths, strict=True)]
        new = {key: at for at, key in enumerate(keys) if key not in self._states}
        if new:
            rows = torch.tensor(list(new.values()), device=ids.device)
            longest = max(lengths[at] for at in new.values())
            with torch.no_grad():
                states = read(ids[rows, :longest], mask[rows, :longest])
            for (key, at), state in zip(new.items(), states, strict=True):
                self._add(key, state[: lengths[at]].half().clone())
        width = self._states[keys[0]].shape[1]
        found = torch.zeros((*ids.shape, width), device=ids.device)
        for at, key in enumerate(keys):
            found[at, : lengths[at]] = self._states[key]
        while self.used > self.room and len(self._states) > 1:
            gone = self._states.pop(next(iter(self._states)))
            self.used -= gone.nbytes
        return found

    def keep(self) -> None:
        """Write what is known to the file, if there is one and it knows less. Of several writers one wins."""
        if self._file is None or len(self._states) <= self._known:
            return
        from safetensors.numpy import save

        states = [state.cpu() for state in self._states.values()]
        arrays = {
            "ids": np.concatenate([np.frombuffer(key, np.int64) for key in self._states]),
            "lengths": np.array([len(state) for state in states], np.int64),
            "states": torch.cat(states).numpy(),
        }
        write_bytes(self._file, save(arrays))
        self._known = len(states)

    def _recall(self) -> int:
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        if self._file is None or not self._file.is_file():
            return 0
        try:
            kept = load_file(self._file)
            ids, begin = kept["ids"].numpy(), 0
            for length in kept["lengths"].tolist():
                end = begin + length
                self._add(ids[begin:end].tobytes(), kept["states"][begin:end])
                begin = end
        except (OSError, SafetensorError, KeyError, RuntimeError, ValueError):
            self._states, self.used = {}, 0
        return len(self._states)

    def _add(self, key: bytes, state: Tensor) -> None:
        self._states[key] = state
        self.used += state.nbytes
