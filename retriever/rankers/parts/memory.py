"""States of texts that a frozen encoder has read before."""

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["StateMemory"]


class StateMemory:
    """What an encoder that no longer changes said of each text, so that it reads every text once.

    Kept as float16 where the encoder is, the oldest texts forgotten first when there is no more room.

    Args:
        room: bytes at most.
    """

    def __init__(self, room: int = 2 << 30) -> None:
        self.room, self.used = room, 0
        self._states: dict[bytes, Tensor] = {}

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
                self._keep(key, state[: lengths[at]].half())
        width = self._states[keys[0]].shape[1]
        found = torch.zeros((*ids.shape, width), device=ids.device)
        for at, key in enumerate(keys):
            found[at, : lengths[at]] = self._states[key]
        while self.used > self.room and len(self._states) > 1:
            gone = self._states.pop(next(iter(self._states)))
            self.used -= gone.nbytes
        return found

    def _keep(self, key: bytes, state: Tensor) -> None:
        self._states[key] = state.clone()
        self.used += state.nbytes
