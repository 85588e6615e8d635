"""Rows of every process in one tensor, gradients included: contrast over a batch that several GPUs share."""

from typing import Any

import torch
from torch import Tensor, distributed

__all__ = ["gather_rows"]


def gather_rows(*tensors: Tensor) -> tuple[Tensor, ...]:
    """The rows of all processes, this one's among them, in the order of the processes.

    Tensors of one process have equally many rows; processes may have different numbers of them. Gradients
    flow back to the process a row came from. Without several processes the tensors come back as they are.
    """
    if not (distributed.is_available() and distributed.is_initialized()):
        return tensors
    count = distributed.get_world_size()
    if count == 1:
        return tensors
    device = tensors[0].device
    sizes = [torch.zeros(1, dtype=torch.int64, device=device) for _ in range(count)]
    distributed.all_gather(sizes, torch.tensor([len(tensors[0])], device=device))
    rows = [int(size) for size in sizes]
    gathered = []
    for tensor in tensors:
        padded = torch.cat([tensor, tensor.new_zeros(max(rows) - len(tensor), *tensor.shape[1:])])
        parts = _Gather.apply(padded)  # type: ignore[no-untyped-call]
        gathered.append(torch.cat([part[:size] for part, size in zip(parts, rows, strict=True)]))
    return tuple(gathered)


class _Gather(torch.autograd.Function):
    """(m, ...) of each process to (processes, m, ...) on every one."""

    @staticmethod
    def forward(ctx: Any, own: Tensor) -> Tensor:
        parts = [torch.empty_like(own) for _ in range(distributed.get_world_size())]
        distributed.all_gather(parts, own.contiguous())
        return torch.stack(parts)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        everyones = gradients[0].contiguous()
        distributed.all_reduce(everyones)
        return everyones[distributed.get_rank()]
