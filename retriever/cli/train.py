"""`sticker train`: train a ranker, or the teacher of one."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from retriever.cli.options import JsonOption

if TYPE_CHECKING:
    from trainers.config import LoadedConfig
    from trainers.loop import Outcome

SMALL = {
    "int_ra": "int_ra/small",
    "mmbert": "mmbert/small",
    "pbr": "pbr/small",
    "teacher": "teacher-small",
    **{
        name: f"baselines/{name}-small"
        for name in ("albef", "clip", "irra", "lgur", "mod_gpt", "pcme", "srs")
    },
    **{name: f"baselines/{name}" for name in ("most_frequent", "popularity", "random")},
}
"""What a family trains that is given without a configuration: something a CPU can do."""


def train(
    config: Annotated[
        str | None,
        typer.Argument(
            help="A TOML file, or the name of a configuration that ships (see --list), such as `teacher`.",
            show_default=False,
        ),
    ] = None,
    ranker: Annotated[
        str | None,
        typer.Option(
            "--ranker",
            help="Train a small default of this family: int_ra, mmbert, pbr, teacher or a published baseline "
            "such as clip.",
            show_default=False,
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            "--data",
            help="The dataset: a folder with train.jsonl and valid.jsonl, or that of a published one.",
            show_default=False,
        ),
    ] = None,
    pack: Annotated[
        list[str] | None,
        typer.Option(
            "--pack",
            help="A pack that the dataset's stickers are from, repeatable; `starter` is the built-in one "
            "(default: stickers/ in the dataset's folder).",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the run; the checkpoint is best/ in it (default: runs/FAMILY-NAME).",
            show_default=False,
        ),
    ] = None,
    change: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="Change a setting, KEY=VALUE, repeatable: --set train.epochs=3 --set data.teacher=FOLDER.",
            show_default=False,
        ),
    ] = None,
    listing: Annotated[bool, typer.Option("--list", help="List the configurations that ship.")] = False,
    show: Annotated[
        bool, typer.Option("--show", help="Print the resolved configuration, train nothing.")
    ] = False,
    json: JsonOption = False,
) -> int:
    """Train a ranker. A run that was stopped, or killed, goes on with the same command.

    The checkpoint, OUT/best, is the one that did best on the validation split, with a model card. Processes:
    `torchrun --nproc-per-node 2 --no-python sticker train ...`.
    """
    from retriever.errors import InputError
    from trainers.config import find_config, load_config, parse_settings, shipped
    from trainers.runs import default_out, run

    if listing:
        typer.echo("\n".join(shipped()))
        return 0
    if (config is None) == (ranker is None):
        raise InputError("give either a configuration (a file, or a name of --list) or --ranker FAMILY")
    if ranker is not None and ranker not in SMALL:
        raise InputError(
            f"there is no small default for {ranker!r}; there are {', '.join(SMALL)}: give a configuration"
        )
    path = find_config(config or SMALL[str(ranker)])
    loaded = load_config(path, parse_settings(change or []), data, pack or [])
    if show:
        typer.echo(loaded.config.model_dump_json(indent=2))
        return 0
    folder = out or default_out(loaded)
    outcome = run(loaded, folder)
    return _show(outcome, loaded, folder, json)


def _show(outcome: "Outcome", loaded: "LoadedConfig", out: Path, as_json: bool) -> int:
    """Results on stdout; 130 where a signal stopped the run, as for every command."""
    import json

    from trainers.runs import is_first

    if not is_first():
        return 0 if outcome.finished else 130
    if as_json:
        told = {
            "checkpoint": str(outcome.checkpoint),
            "metrics": dict(outcome.metrics),
            "step": outcome.step,
            "steps": outcome.steps,
            "minutes": round(outcome.seconds / 60, 2),
            "finished": outcome.finished,
        }
        typer.echo(json.dumps(told, ensure_ascii=False))
    elif outcome.finished:
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(show_header=False, box=None)
        rows = {"checkpoint": str(outcome.checkpoint), "step": f"{outcome.step:,} of {outcome.steps:,}"}
        rows |= {name: f"{value:.2f}" for name, value in outcome.metrics.items()}
        rows |= {"minutes": f"{outcome.seconds / 60:.1f}"}
        for name, value in rows.items():
            table.add_row(Text(name, style="bold"), Text(value))
        Console().print(table)
    if not outcome.finished:
        typer.echo(f"stopped after step {outcome.steps} in {out}", err=True)
        return 130
    return 0
