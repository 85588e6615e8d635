"""`sticker data`: look into datasets in everyone's formats, make them native, divide them by stickers."""

from pathlib import Path
from typing import Annotated, Any

import typer

from retriever.cli.options import JsonOption

app = typer.Typer(
    name="data", help="Look into, convert and divide datasets.", no_args_is_help=True, add_completion=False
)

DatasetArgument = Annotated[
    str,
    typer.Argument(
        help="A folder: native, StickerChat, DSTC10-MOD, StickerInt, SER30K, StickerQueries, or a pack.",
        show_default=False,
    ),
]
FormatOption = Annotated[
    str | None,
    typer.Option(
        "--format",
        help="native, stickerchat, mod, stickerint, ser30k, stickerqueries, imagefolder (default: any).",
        show_default=False,
    ),
]
PackOption = Annotated[
    list[str] | None,
    typer.Option(
        "--pack",
        help="Where a native dataset's stickers are, repeatable; `starter` ships (default: its stickers/).",
        show_default=False,
    ),
]
SplitsOption = Annotated[
    list[str] | None,
    typer.Option("--split", help="Only this one, repeatable (default: all).", show_default=False),
]
OutOption = Annotated[Path, typer.Option("--out", help="A folder that is not there yet.", show_default=False)]
SeedOption = Annotated[int, typer.Option("--seed", help="Of everything that is drawn.")]
NegativesOption = Annotated[int, typer.Option("--negatives", min=1, help="Candidates beside the gold.")]


@app.command("inspect")
def inspect(
    dataset: DatasetArgument,
    format: FormatOption = None,
    pack: PackOption = None,
    split: SplitsOption = None,
    images: Annotated[
        bool, typer.Option("--images/--no-images", help="Look at the images too, for duplicates.")
    ] = True,
    json: JsonOption = False,
) -> int:
    """Count what a dataset is made of, and what its splits have in common and should not."""
    from eval.curation.inspect import inspect as run
    from eval.curation.looks import default_cache

    found = run(dataset, format, packs=pack or (), splits=split or (), images=images, cache=default_cache())
    if json:
        _print_json(found.as_dict())
        return 0
    from rich.console import Console

    from eval.curation.tables import to_rich

    Console().print(to_rich(found))
    return 0


@app.command("convert")
def convert(
    dataset: DatasetArgument,
    out: OutOption,
    to: Annotated[str, typer.Option("--to", help="native: the only one there is.")] = "native",
    format: FormatOption = None,
    pack: PackOption = None,
    split: SplitsOption = None,
    policy: Annotated[
        list[str] | None,
        typer.Option(
            "--policy",
            help="How candidates are chosen, repeatable: rows get the first, all are frozen; `every` for all "
            "that can be used (default: the format's own).",
            show_default=False,
        ),
    ] = None,
    seed: SeedOption = 42,
    negatives: NegativesOption = 9,
    json: JsonOption = False,
) -> int:
    """Write a dataset in the native format, with its stickers as a pack and frozen candidates."""
    from eval.curation.convert import convert as run
    from retriever.errors import InputError

    if to != "native":
        raise InputError(f"--to is {to!r}; expected native")
    done = run(
        dataset,
        out,
        format,
        policies=policy or (),
        seed=seed,
        negatives=negatives,
        packs=pack or (),
        splits=split or (),
    )
    return _tell(done, json)


@app.command("split")
def split(
    dataset: DatasetArgument,
    out: OutOption,
    unseen_stickers: Annotated[
        float, typer.Option(help="The share of the stickers that were sent which only valid shall have.")
    ] = 0.1,
    valid: Annotated[float, typer.Option(help="The least share of the rows that valid shall have.")] = 0.1,
    dialogues: Annotated[
        str,
        typer.Option(
            help="An unseen sticker's dialogue: move it to valid, leave_out its rows where it is in train, "
            "or auto: move, unless more than twice the rows asked for would go."
        ),
    ] = "auto",
    of: Annotated[
        str | None,
        typer.Option(
            "--split", help="Which split is divided (default: train, or the only one).", show_default=False
        ),
    ] = None,
    format: FormatOption = None,
    pack: PackOption = None,
    policy: Annotated[
        list[str] | None,
        typer.Option("--policy", help="Of the frozen candidates (default: every).", show_default=False),
    ] = None,
    seed: SeedOption = 42,
    negatives: NegativesOption = 9,
    json: JsonOption = False,
) -> int:
    """Divide a split into train and valid, so that only valid has some stickers and all that look like them.

    Dialogues are kept whole. Candidates of train name no sticker that only valid has.
    """
    from eval.curation.looks import default_cache
    from eval.curation.sides import check_keeping
    from eval.curation.split import split_unseen

    done = split_unseen(
        dataset,
        out,
        format,
        unseen=unseen_stickers,
        valid=valid,
        seed=seed,
        policies=policy or ("every",),
        negatives=negatives,
        packs=pack or (),
        split=of,
        keeping=check_keeping(dialogues),
        cache=default_cache(),
    )
    return _tell(done, json)


def _tell(done: Any, as_json: bool) -> int:
    if as_json:
        _print_json({"out": str(done.out), "new": done.new, **done.counts})
        return 0
    if not done.new:
        typer.echo(f"{done.out} is there already, made of the same; nothing was done", err=True)
        return 0
    from rich.console import Console

    from eval.curation.tables import written_to_rich

    Console().print(written_to_rich(done))
    typer.echo(f"written: {done.out}", err=True)
    return 0


def _print_json(value: Any) -> None:
    import json
    import sys

    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")
