"""MMBERT: one BERT reads a dialogue and a sticker together and says whether they match.

*Selecting Stickers in Open-Domain Dialogue through Multitask Learning* (Findings of ACL 2022). Its three
auxiliary tasks have heads in training only.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retriever.rankers.mmbert.config import MMBERTModelConfig
from retriever.rankers.parts.needs import require_torch

if TYPE_CHECKING:
    from retriever.rankers.mmbert.ranker import MMBERTRanker

__all__ = ["MMBERTModelConfig", "load_mmbert"]


def load_mmbert(folder: Path, config: Mapping[str, Any], device: str = "auto") -> "MMBERTRanker":
    """Open the MMBERT checkpoint in `folder`: a `retriever.rankers.registry.Loader`."""
    require_torch("an MMBERT ranker")
    from retriever.rankers.mmbert.ranker import MMBERTRanker

    return MMBERTRanker.load(folder, config, device)
