"""Attention in float32 beside everything else in bf16, for processors."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

__all__ = ["Float32Attention"]


class Float32Attention(TorchFunctionMode):
    """While it is entered, fused attention computes in float32, whichever model asks for it.

    Torch's fused kernel for processors goes backward in bf16 three to twelve times as slowly as in float32
    (torch 2.13; 64 rows of 64 tokens, 6 heads of 64: 126 ms against 21), while matrix products take half the
    time: a training step in bf16 spent a third of itself there. What comes out has the type that went in.
    """

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func is not F.scaled_dot_product_attention:
            return func(*args, **kwargs)
        kind = args[0].dtype if args else kwargs["query"].dtype
        with torch.autocast("cpu", enabled=False):
            seen: Tensor = func(*map(_wide, args), **{name: _wide(value) for name, value in kwargs.items()})
        return seen.to(kind)


def _wide(value: Any) -> Any:
    narrow = isinstance(value, Tensor) and value.dtype == torch.bfloat16
    return value.float() if narrow else value
