"""Recipes: which data, checkpoints and protocol one table of a paper needs, as data (TOML files here).

::

    recipe = load_recipe("pbr-table1")           # InputError lists the recipes where there is none
    ready = recipe.check(data, checkpoints)      # InputError says what is missing and how it is made
    for system in ready.systems:                 # name as in the table, folder of the checkpoint
        ...

A recipe trains nothing: it names the configurations and prints the commands. Checkpoints are looked for under
``checkpoints``, by the name of their configuration: ``pbr/table3-8-all/best``.
"""

from eval.recipes.load import load_recipe, recipe_names
from eval.recipes.recipe import NotReady, Ready, ReadySystem, Recipe

__all__ = ["NotReady", "Ready", "ReadySystem", "Recipe", "load_recipe", "recipe_names"]
