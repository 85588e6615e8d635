"""Parts of a model that stay as they are."""

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from retriever.errors import InputError

if TYPE_CHECKING:
    from torch import nn

__all__ = ["Freezable", "freeze", "keep_read"]


@runtime_checkable
class Freezable(Protocol):
    """A submodule that can make use of being frozen as a whole."""

    def frozen(self, folder: Path | None = None) -> None:
        """It is, from now on; what it works out may go on from what lies in `folder`."""
        ...

    def keep(self) -> None:
        """Leave what was worked out to later runs."""
        ...

    def parameters(self) -> "Iterator[nn.Parameter]": ...


def freeze(module: "nn.Module", parts: Sequence[str], folder: Path | None = None) -> None:
    """Take the parameters of some parts out of training; running statistics of norms still move.

    Args:
        module: what is trained.
        parts: submodules or parameters by their dotted names in `module`, such as ``model.text``.
        folder: what frozen parts worked out in earlier runs, of the same precision.

    Raises:
        InputError: there is no such part, or nothing is left to train.
    """
    named = dict(module.named_parameters())
    for part in parts:
        chosen = [name for name in named if f"{name}.".startswith(f"{part}.")]
        if not chosen:
            parts_there = sorted({".".join(name.split(".")[:2]) for name in named})
            close = get_close_matches(part, parts_there, 3, 0.3) or parts_there[:6]
            raise InputError(
                f"train.frozen names {part!r}, which the model has not; it has {', '.join(close)}"
            )
        for name in chosen:
            named[name].requires_grad_(False)
    for each in module.modules():
        if isinstance(each, Freezable) and not any(own.requires_grad for own in each.parameters()):
            each.frozen(folder)
    if not any(each.requires_grad for each in named.values()):
        raise InputError(f"train.frozen leaves nothing to train: {', '.join(parts)}")


def keep_read(module: "nn.Module") -> None:
    """Let the frozen parts of `module` leave to later runs what they have worked out."""
    for each in module.modules():
        if isinstance(each, Freezable):
            each.keep()
