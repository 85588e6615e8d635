"""A model's weights in and out of a checkpoint, and the device it runs on."""

from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from retriever.checkpoints import CONFIG
from retriever.errors import InputError, ModelError

__all__ = ["fill", "pick_device", "store"]


def store(model: nn.Module, path: Path) -> None:
    """Write every parameter and persistent buffer of `model` as safetensors."""
    save_file({name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()}, path)


def fill(model: nn.Module, path: Path) -> None:
    """Put the weights at `path` into `model`.

    Raises:
        ModelError: they are damaged, or not exactly those of the model.
    """
    try:
        weights = load_file(path)
    except Exception as error:  # safetensors has an exception of its own, beside OSError
        raise ModelError(f"{path} cannot be read ({error}); copy the checkpoint again") from error
    own = model.state_dict()
    missing, unexpected = sorted(own.keys() - weights.keys()), sorted(weights.keys() - own.keys())
    shapes = [name for name in own.keys() & weights.keys() if own[name].shape != weights[name].shape]
    if missing or unexpected or shapes:
        said = "; ".join(
            f"{len(names)} {what} ({', '.join(names[:3])})"
            for what, names in (
                ("missing", missing),
                ("unexpected", unexpected),
                ("of another shape", sorted(shapes)),
            )
            if names
        )
        raise ModelError(
            f"{path} does not fit its {CONFIG}: weights {said}; copy the checkpoint again, or train it again"
        )
    model.load_state_dict(weights)


def pick_device(device: str) -> torch.device:
    """``auto`` is a GPU where there is one.

    Raises:
        InputError: ``cuda`` without a GPU, or no such device.
    """
    if device not in ("auto", "cpu", "cuda"):
        raise InputError(f"device is {device!r}; expected auto, cpu or cuda")
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError("device is 'cuda', but torch finds no GPU here; use 'auto' or 'cpu'")
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(device)
