"""Ranker families by name: the one place that turns a checkpoint folder into a loaded ranker.

The set is open: a new family is one module with a loader and one line here, or from outside
``register("mine", load_mine)``. A family's module is imported when one of its checkpoints is opened.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from retriever.checkpoints import checkpoint_in, read_config
from retriever.errors import InputError
from retriever.rankers.base import Ranker

__all__ = ["Loader", "families", "load_ranker", "register"]

Loader = Callable[[Path, Mapping[str, Any], str], Ranker]
"""(folder, what its ``config.json`` says, device) -> ranker.

Raises ModelError for a damaged checkpoint and MissingExtra for what is not installed, as `load_ranker` says.
"""

_LOADERS: dict[str, Loader] = {}

_PLACES = {
    "dual": "retriever.rankers.dual:load_dual",
    "int_ra": "retriever.rankers.int_ra:load_int_ra",
    "mmbert": "retriever.rankers.mmbert:load_mmbert",
    "pbr": "retriever.rankers.pbr:load_pbr",
    **dict.fromkeys(
        ("clip", "irra", "lgur", "mod_gpt", "pcme", "srs"), "retriever.rankers.baselines:load_baseline"
    ),
    **dict.fromkeys(
        ("most_frequent", "popularity", "random"), "retriever.rankers.baselines.plain:load_plain"
    ),
}
"""``module:loader``."""


def register(family: str, loader: Loader) -> None:
    """Make `load_ranker` understand checkpoints of `family`.

    Raises:
        InputError: the family is taken.
    """
    if family in _LOADERS:
        raise InputError(f"the ranker family {family!r} is taken; there are {', '.join(families())}")
    _LOADERS[family] = loader


def families() -> tuple[str, ...]:
    """The registered families, sorted."""
    return tuple(sorted(_LOADERS))


def load_ranker(path: str | Path, device: str = "auto") -> Ranker:
    """Open the checkpoint at `path`, whatever its family.

    Args:
        path: a folder written by training (see `retriever.checkpoints`), or the folder of the run it lies in.
        device: ``auto``, ``cpu`` or ``cuda``, for families that can choose.

    Raises:
        ModelError: no checkpoint there, a damaged one, or one whose weights do not fit its configuration.
        InputError: a family this version does not know.
        MissingExtra: the family needs something that is not installed.
    """
    folder = checkpoint_in(path)
    config = read_config(folder)
    loader = _LOADERS.get(config["family"])
    if loader is None:
        raise InputError(
            f"{folder} is a {config['family']!r} ranker; this version knows {', '.join(families())}"
        )
    return loader(folder, config, device)


def _at(place: str) -> Loader:
    module, _, name = place.partition(":")

    def load(folder: Path, config: Mapping[str, Any], device: str) -> Ranker:
        loader: Loader = getattr(import_module(module), name)
        return loader(folder, config, device)

    return load


for _family, _place in _PLACES.items():
    register(_family, _at(_place))
