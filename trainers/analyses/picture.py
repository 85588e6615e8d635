"""Figures without a window: matplotlib drawn to PNG, with letters for Chinese."""

import logging
import warnings
from functools import cache
from pathlib import Path
from typing import Any

from retriever.extras import require
from retriever.store.atomic import make_folder, temporary_beside

__all__ = ["BLUE", "GREY", "ORANGE", "new_figure", "save_figure"]

BLUE, ORANGE, GREY = "#2a6fb0", "#d9722e", "#9a9a9a"

_FONT = Path("starter/fonts/noto-sans-sc-subset.ttf")
_DPI = 150


def new_figure(width: float, height: float) -> Any:
    """An empty matplotlib figure, sizes in inches."""
    require("matplotlib", "train", "drawing")
    from matplotlib import rcParams
    from matplotlib.figure import Figure

    rcParams["font.family"] = _fonts()
    return Figure(figsize=(width, height), dpi=_DPI, layout="constrained")


def save_figure(figure: Any, path: Path) -> Path:
    """Write a PNG in one step; its folder is made if needed."""
    make_folder(path.resolve().parent)
    temporary = temporary_beside(path)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Glyph .* missing")  # emoji: no font here has them
            figure.savefig(temporary, format="png")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


@cache
def _fonts() -> list[str]:
    import retriever

    font_manager = require("matplotlib.font_manager", "train", "drawing")
    file = Path(retriever.__file__).parent / _FONT
    if not file.is_file():
        return ["DejaVu Sans"]
    font_manager.fontManager.addfont(str(file))
    logging.getLogger(font_manager.__name__).setLevel(logging.ERROR)  # it misses a weight that this one lacks
    return ["DejaVu Sans", font_manager.FontProperties(fname=str(file)).get_name()]
