"""Finding and reading recipes."""

import tomllib
from functools import cache
from importlib.resources import files
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from eval.recipes.recipe import Recipe
from eval.recipes.schema import DatasetFile, RecipeFile
from retriever.errors import InputError

__all__ = ["load_recipe", "parse", "recipe_names"]

_DATASETS = "datasets.toml"
_Shape = TypeVar("_Shape", bound=BaseModel)


def recipe_names() -> tuple[str, ...]:
    """Every recipe that ships."""
    names = (path.name for path in files("eval.recipes").iterdir())
    return tuple(sorted(n.removesuffix(".toml") for n in names if n.endswith(".toml") and n != _DATASETS))


def load_recipe(name: str) -> Recipe:
    """The recipe of that name, such as ``pbr-table1`` or ``mmbert-table1-hard``.

    Raises:
        InputError: there is none; the message lists them.
    """
    if name not in recipe_names():
        raise InputError(f"there is no recipe {name!r}; there are {', '.join(recipe_names())}")
    place = files("eval.recipes").joinpath(f"{name}.toml")
    return Recipe(name, parse(RecipeFile, place.read_text(encoding="utf-8"), place.name), _datasets())


@cache
def _datasets() -> dict[str, DatasetFile]:
    text = files("eval.recipes").joinpath(_DATASETS).read_text(encoding="utf-8")
    return {
        name: parse(DatasetFile, table, f"{_DATASETS}, {name}") for name, table in tomllib.loads(text).items()
    }


def parse(shape: type[_Shape], content: object, where: str) -> _Shape:
    """A TOML text, or a table of one, as `shape`.

    Raises:
        InputError: it is not; says where and why.
    """
    try:
        return shape.model_validate(tomllib.loads(content) if isinstance(content, str) else content)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{where}: no TOML: {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "the file"
        raise InputError(f"{where}: {key}: {first['msg']}") from None
