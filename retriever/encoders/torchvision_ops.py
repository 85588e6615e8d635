"""Lets a torchvision built for CUDA be imported beside a CPU build of torch.

Torchvision's wheel for CUDA defines two operators in a library that does not load beside a CPU torch, and its
import dies with ``operator torchvision::nms does not exist``. Declaring both beforehand cures the import.
`torchvision.ops.nms` and `torchvision.io` still do not work then; nothing here uses them. Where the builds
match, nothing is declared.
"""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

__all__ = ["install_hook"]

OPERATORS = ("nms", "qnms")
SIGNATURE = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"


class _TorchvisionFinder(MetaPathFinder):
    """Steps in once, at the first import of torchvision, and leaves the finding to the others."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname == "torchvision":
            sys.meta_path.remove(self)
            found = PathFinder.find_spec(fullname, path)
            if found is not None and found.origin is not None and _mismatched(Path(found.origin).parent):
                _declare_operators()
        return None


def install_hook() -> None:
    """Prepares the next import of torchvision; does nothing when it is loaded, or when called again."""
    if "torchvision" in sys.modules or any(
        isinstance(finder, _TorchvisionFinder) for finder in sys.meta_path
    ):
        return
    sys.meta_path.insert(0, _TorchvisionFinder())


def _mismatched(torchvision: Path) -> bool:
    """Whether the torchvision in that folder was built for CUDA while torch was not; reads one small file."""
    try:
        version = (torchvision / "version.py").read_text(encoding="utf-8")
        import torch
    except (OSError, ImportError):
        return False
    return "+cu" in version and torch.version.cuda is None


def _declare_operators() -> None:
    import torch

    for operator in OPERATORS:
        torch.library.define(f"torchvision::{operator}", SIGNATURE)
