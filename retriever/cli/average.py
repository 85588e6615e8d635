"""`sticker average`: several dual rankers of one start as one."""

from pathlib import Path
from typing import Annotated

import typer


def average(
    checkpoints: Annotated[
        list[Path],
        typer.Argument(help="Dual checkpoints that started alike: same tower, same vocabulary."),
    ],
    out: Annotated[Path, typer.Option("--out", help="A new folder for the average.")],
    share: Annotated[
        list[float] | None,
        typer.Option("--share", help="What each counts, once a checkpoint (default: all alike)."),
    ] = None,
) -> int:
    """Average the weights of rankers that were trained from one start: as small and fast as one of them.

    Nothing is measured; `sticker eval --ranker` does it.
    """
    from retriever.extras import require

    require("torch", "train", "averaging rankers")
    from trainers.dual.soup import average as average_checkpoints

    average_checkpoints(checkpoints, share or [1.0] * len(checkpoints), out)
    typer.echo(f"written: {out}", err=True)
    return 0
