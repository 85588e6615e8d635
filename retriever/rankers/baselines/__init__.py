"""The published rankers that others are compared with: one model file each, one ranker for all of them."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retriever.rankers.baselines.config import CONFIGS, BaselineConfig
from retriever.rankers.parts.needs import require_torch

if TYPE_CHECKING:
    from retriever.rankers.baselines.ranker import BaselineRanker

__all__ = ["CONFIGS", "BaselineConfig", "load_baseline"]


def load_baseline(folder: Path, config: Mapping[str, Any], device: str = "auto") -> "BaselineRanker":
    """Open the checkpoint in `folder`, of any family in `CONFIGS`: a `retriever.rankers.registry.Loader`."""
    require_torch(f"a {config['family']} ranker")
    from retriever.rankers.baselines.ranker import BaselineRanker

    return BaselineRanker.load(folder, config, device)
