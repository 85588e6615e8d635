"""`sticker report`: write the report of a finished evaluation again, without scoring anything."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from retriever.cli.options import JsonOption

if TYPE_CHECKING:
    from collections.abc import Mapping


def report(
    *,
    folder: Annotated[
        Path,
        typer.Argument(help="The --out folder of `sticker eval`, finished.", show_default=False),
    ],
    baseline: Annotated[
        list[str] | None,
        typer.Option(
            help="Test the others against this system; may be given several times (default: as evaluated).",
            show_default=False,
        ),
    ] = None,
    library: Annotated[
        Path | None,
        typer.Option(
            help="Take the stickers' pictures from this library, where they have moved since.",
            show_default=False,
        ),
    ] = None,
    examples: Annotated[int, typer.Option(min=0, max=60, help="Conversations to show.")] = 6,
    json: JsonOption = False,
) -> int:
    """Write an evaluation's page, tables and figures again, from its records."""
    from eval.report_page import load_report, write

    page = write(
        folder,
        load_report(folder),
        baselines=baseline or None,
        images=None if library is None else _pictures(library),
        examples=examples,
    )
    if json:
        import sys
        from json import dumps

        drawn = sorted(
            str(path) for path in (folder / "figures").iterdir() if path.suffix in (".svg", ".png")
        )
        sys.stdout.write(dumps({"page": str(page), "figures": drawn}, ensure_ascii=False) + "\n")
    else:
        typer.echo(str(page))
    return 0


def _pictures(library: Path) -> "Mapping[str, Path]":
    from retriever.store.library import Library

    return {sticker.id: Path(sticker.path) for sticker in Library.open(library).stickers}
