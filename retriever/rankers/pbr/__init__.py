"""PBR: a sticker and a conversation aligned in one space, then matched by cross attention.

Perceive before Respond, section 3.1. Its emotion and topic heads exist in training only.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retriever.rankers.parts.needs import require_torch
from retriever.rankers.pbr.config import FusionConfig, PBRModelConfig

if TYPE_CHECKING:
    from retriever.rankers.pbr.ranker import PBRRanker

__all__ = ["FusionConfig", "PBRModelConfig", "load_pbr"]


def load_pbr(folder: Path, config: Mapping[str, Any], device: str = "auto") -> "PBRRanker":
    """Open the PBR checkpoint in `folder`: a `retriever.rankers.registry.Loader`."""
    require_torch("a PBR ranker")
    from retriever.rankers.pbr.ranker import PBRRanker

    return PBRRanker.load(folder, config, device)
