"""Published weights copied into a model's own parameters."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from retriever.errors import ModelError

__all__ = ["fill_parameters"]


def fill_parameters(module: nn.Module, values: Mapping[str, Tensor], prefix: str) -> set[str]:
    """Put `values` into the parameters of `module` that have their names.

    Of a longer table the first rows are taken; rows that a parameter has beyond those of a shorter one stay
    as they are. Values without a parameter are left out: a model may have fewer layers.

    Returns:
        Names of the parameters that were filled, each with `prefix`.

    Raises:
        ModelError: a value of another width.
    """
    filled: set[str] = set()
    with torch.no_grad():
        for name, own in module.named_parameters():
            value = values.get(name)
            if value is None:
                continue
            if value.shape[1:] != own.shape[1:] or (own.ndim == 1 and value.shape != own.shape):
                raise ModelError(
                    f"published weights have {name} of shape {tuple(value.shape)}, the model has "
                    f"{tuple(own.shape)}"
                )
            rows = min(len(value), len(own))
            own[:rows].copy_(value[:rows])
            filled.add(prefix + name)
    return filled
