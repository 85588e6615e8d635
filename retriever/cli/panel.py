"""`sticker panel`: several dual rankers of any towers as one."""

from pathlib import Path
from typing import Annotated

import typer


def panel(
    checkpoints: Annotated[list[Path], typer.Argument(help="Dual checkpoints; they may start differently.")],
    out: Annotated[Path, typer.Option("--out", help="A new folder for the panel.")],
    share: Annotated[
        list[float] | None,
        typer.Option("--share", help="What each counts, once a checkpoint (default: all alike)."),
    ] = None,
) -> int:
    """Put rankers together that score by their mean: better than each as a rule, as slow as all together.

    Rankers of one start are averaged at no such cost: `sticker average`.
    """
    from retriever.rankers.dual.panel import write_panel

    write_panel(checkpoints, share or [1.0] * len(checkpoints), out)
    typer.echo(f"written: {out}", err=True)
    return 0
