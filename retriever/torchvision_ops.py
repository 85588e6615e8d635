"""Lets a torchvision built for CUDA be imported beside a CPU build of torch.

Torchvision's wheel for CUDA defines two operators in a library that does not load beside a CPU torch, and its
import dies with ``operator torchvision::nms does not exist``. Declaring both beforehand cures the import.
`torchvision.ops.nms` and `torchvision.io` still do not work then; nothing here uses them. Where the builds
match, nothing is declared.
"""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import ModuleType

__all__ = ["install_hook"]

OPERATORS = ("nms", "qnms")
SIGNATURE = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"


def install_hook() -> None:
    """Prepares the import of torchvision; does nothing when it is loaded already, or when called again.

    Costs nothing until then: looking for torchvision with `importlib.util.find_spec` loads no torch.
    """
    if "torchvision" in sys.modules or any(isinstance(finder, _Finder) for finder in sys.meta_path):
        return
    sys.meta_path.insert(0, _Finder())


class _Finder(MetaPathFinder):
    """Finds torchvision as usual, but has it loaded by `_Loader`."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != "torchvision":
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and type(spec.loader) is SourceFileLoader:
            spec.loader = _Loader(spec.loader.name, spec.loader.path)
        return spec


class _Loader(SourceFileLoader):
    """Declares the operators, where they are needed, just before torchvision's own code runs."""

    def exec_module(self, module: ModuleType) -> None:
        if _mismatched(Path(self.path).parent):
            _declare_operators()
        super().exec_module(module)


def _mismatched(torchvision: Path) -> bool:
    """Whether the torchvision in that folder was built for CUDA while torch was not; reads one small file."""
    try:
        version = (torchvision / "version.py").read_text(encoding="utf-8")
        import torch
    except (OSError, ImportError):
        return False
    return "+cu" in version and torch.version.cuda is None


def _declare_operators() -> None:
    """Declares what nobody has declared yet: a first import may have failed for another reason."""
    import torch

    for operator in OPERATORS:
        if not hasattr(torch.ops.torchvision, operator):
            torch.library.define(f"torchvision::{operator}", SIGNATURE)
