"""The command line of `retriever.starter.generate`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from retriever.errors import StickerError
from retriever.starter.generate import generate

__all__ = ["main"]


def _run(
    out: Annotated[Path, typer.Argument(help="Folder to write the pack into.")],
    count: Annotated[
        int | None, typer.Option(help="How many stickers; without it, the starter pack.")
    ] = None,
    size: Annotated[int, typer.Option(help="Pixels a side.")] = 256,
    seed: Annotated[int, typer.Option(help="Which stickers --count gives.")] = 0,
    workers: Annotated[int | None, typer.Option(help="Processes; without it, one a core.")] = None,
) -> None:
    """Draw a sticker pack in the native format; run again after an interruption, it goes on."""
    try:
        written = generate(out, count, seed, size, show_progress=sys.stderr.isatty(), workers=workers)
    except StickerError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from None
    typer.echo(f"{written} stickers in {out}")


def main() -> None:
    """Run the command."""
    typer.run(_run)
