"""`sticker demo`: the whole job on what ships with the package."""

import sys
import time
from pathlib import Path
from typing import Annotated

import typer


def demo(
    out: Annotated[Path, typer.Argument(help="Folder for the library and the picture; made anew.")] = Path(
        "demo-out"
    ),
) -> int:
    """Index the starter pack, answer conversations in English and Chinese, draw the picks, measure them."""
    import shutil

    from retriever.cli.app import main
    from retriever.starter import DEMO_CONVERSATIONS, STARTER_DIALOGUES, STARTER_PACK

    started = time.monotonic()
    shutil.rmtree(out, ignore_errors=True)
    library, sheet = str(out / "library"), str(out / "picks.png")
    steps = (
        ("index the starter pack", ["index", str(STARTER_PACK), "--library", library]),
        (
            "answer conversations, English and Chinese, reply and supplement",
            ["pick", "--conversation", str(DEMO_CONVERSATIONS), "--library", library, "--sheet", sheet],
        ),
        ("measure on the dialogues that ship", ["eval", str(STARTER_DIALOGUES), "--library", library]),
    )
    for title, words in steps:
        shown = " ".join(f'"{word}"' if " " in word else word for word in words)
        sys.stdout.flush()
        typer.secho(f"\n== {title}\n$ sticker {shown}\n", bold=True, err=True)
        code = main(words)
        if code:
            return code
    typer.echo(f"\nThe picks as a picture: {sheet}", err=True)
    typer.echo(
        f'Done in {time.monotonic() - started:.0f} s. Next: sticker pick "your words" -l {library}', err=True
    )
    return 0
