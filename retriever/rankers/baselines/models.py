"""A family's model by its name; the file is imported when it is asked for."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from retriever.rankers.baselines.config import CONFIGS, BaselineConfig

if TYPE_CHECKING:
    from retriever.rankers.baselines.base import BaselineModel

__all__ = ["build_model"]

_PLACES = {
    "clip": ("two_tower", "TwoTower"),
    "irra": ("two_tower", "TwoTower"),
    "pcme": ("pcme", "Pcme"),
    "lgur": ("lgur", "Lgur"),
    "srs": ("srs", "Srs"),
    "mod_gpt": ("mod_gpt", "ModGpt"),
}
assert _PLACES.keys() == CONFIGS.keys()


def build_model(family: str, config: BaselineConfig, vocabulary: int) -> "BaselineModel":
    """The untrained model that `config` describes.

    Raises:
        InputError: an encoder cannot be built as described.
        ModelError: weights that it names cannot be had.
    """
    module, name = _PLACES[family]
    kind: Any = getattr(import_module(f"retriever.rankers.baselines.{module}"), name)
    built: BaselineModel = kind(config, vocabulary)
    return built
