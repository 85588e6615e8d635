"""Losses in float32: sums of exponentials lose too much in bfloat16."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import torch
from torch import Tensor

__all__ = ["full_precision"]

P = ParamSpec("P")
R = TypeVar("R")


def full_precision(function: Callable[P, R]) -> Callable[P, R]:
    """The same function outside of autocast, its floating-point tensors given as float32."""

    @wraps(function)
    def in_float32(*args: P.args, **kwargs: P.kwargs) -> R:
        device = next(value.device.type for value in args if isinstance(value, Tensor))
        with torch.autocast(device, enabled=False):
            return function(
                *(_raised(value) for value in args),  # type: ignore[arg-type]
                **{name: _raised(value) for name, value in kwargs.items()},  # type: ignore[arg-type]
            )

    return in_float32


def _raised(value: object) -> object:
    return value.float() if isinstance(value, Tensor) and value.is_floating_point() else value
