"""A moving average of the weights: what is validated and kept where a configuration asks for it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

__all__ = ["WeightAverage"]


class WeightAverage:
    """Exponential moving average of what is trained (Polyak and Juditsky 1992); buffers are not averaged.

    The rate starts low, ``min(decay, (1 + n) / (10 + n))`` after n steps, so that the first weights, which
    know nothing, are forgotten.

    Args:
        module: its parameters that have a gradient are averaged.
        decay: what one step leaves of the average, in (0, 1).
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay, self.steps = decay, 0
        self._own = {name: each for name, each in module.named_parameters() if each.requires_grad}
        self._average = {name: each.detach().clone() for name, each in self._own.items()}

    @torch.no_grad()
    def update(self) -> None:
        """Count the weights as they are now in; once a step."""
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        for name, each in self._own.items():
            average = self._average[name] = self._average[name].to(each.device)
            average.lerp_(each.detach(), 1 - decay)

    @contextmanager
    def shown(self) -> Iterator[None]:
        """The module has the averaged weights within, and its own again afterwards."""
        own = {name: each.detach().clone() for name, each in self._own.items()}
        self._put(self._average)
        try:
            yield
        finally:
            self._put(own)

    def state(self) -> dict[str, Tensor | int]:
        """What `load` takes."""
        return {**self._average, _STEPS: self.steps}

    def load(self, state: Mapping[str, Tensor | int]) -> None:
        """Go on from a `state`.

        Raises:
            KeyError: it is of another model.
        """
        self._average = {name: torch.as_tensor(state[name]) for name in self._own}
        self.steps = int(state[_STEPS])

    @torch.no_grad()
    def _put(self, weights: Mapping[str, Tensor]) -> None:
        for name, each in self._own.items():
            each.copy_(weights[name])


_STEPS = " steps"
"""No parameter's name has a space."""
