"""Families by name; each is imported when it is asked for."""

from importlib import import_module

from retriever.errors import InputError
from trainers.families.base import Family

__all__ = ["family", "names"]

_MODULES = {
    "dual": "trainers.families.dual",
    "int_ra": "trainers.families.int_ra",
    "mmbert": "trainers.families.mmbert",
    "pbr": "trainers.families.pbr",
    "teacher": "trainers.families.teacher",
    **dict.fromkeys(("clip", "irra", "lgur", "mod_gpt", "pcme", "srs"), "trainers.families.baselines"),
    **dict.fromkeys(("most_frequent", "popularity", "random"), "trainers.families.plain"),
}
"""Modules with a ``FAMILY``, or with ``FAMILIES`` by name."""


def names() -> tuple[str, ...]:
    """The families there are."""
    return tuple(sorted(_MODULES))


def family(name: object) -> Family:
    """The family called `name`.

    Raises:
        InputError: there is none of that name.
    """
    if not isinstance(name, str) or name not in _MODULES:
        raise InputError(f"family is {name!r}; expected one of {', '.join(names())}")
    module = import_module(_MODULES[name])
    found: Family = module.FAMILIES[name] if hasattr(module, "FAMILIES") else module.FAMILY
    return found
