"""`sticker starter`: draw the starter pack, or any number of stickers in its style."""

from pathlib import Path
from typing import Annotated

import typer


def starter(
    out: Annotated[Path, typer.Argument(help="Folder to draw into.", show_default=False)],
    count: Annotated[
        int | None,
        typer.Option(
            min=1, help="How many stickers; without it, exactly the pack that ships.", show_default=False
        ),
    ] = None,
    size: Annotated[int, typer.Option(min=16, max=1024, help="Pixels a side.")] = 256,
    seed: Annotated[int, typer.Option(help="Another seed, other stickers.")] = 0,
) -> int:
    """Draw stickers: the starter pack, or --count many in its style for load tests."""
    from retriever.starter.generate import generate

    drawn = generate(out, count=count, seed=seed, size=size)
    typer.echo(f"{drawn:,} stickers in {out}; next: sticker index {out}", err=True)
    return 0
