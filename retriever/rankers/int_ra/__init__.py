"""Int-RA: intention-fused conversations against relation-aware stickers."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retriever.rankers.parts.needs import require_torch

if TYPE_CHECKING:
    from retriever.rankers.int_ra.ranker import IntRARanker

__all__ = ["IntRARanker", "load_int_ra"]


def load_int_ra(folder: Path, config: Mapping[str, Any], device: str = "auto") -> "IntRARanker":
    """Open the Int-RA checkpoint in `folder`: a `retriever.rankers.registry.Loader`."""
    require_torch("an Int-RA ranker")
    from retriever.rankers.int_ra.ranker import IntRARanker

    return IntRARanker.load(folder, config, device)


def __getattr__(name: str) -> Any:
    if name == "IntRARanker":  # on torch, and so imported when it is asked for
        from retriever.rankers.int_ra.ranker import IntRARanker

        return IntRARanker
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
