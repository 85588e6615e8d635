"""`sticker eval`: measure the scorers of a library, and their fusion, on a dataset."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from retriever.cli import options
from retriever.cli.options import (
    DeviceOption,
    FusionOption,
    HistoryOption,
    JsonOption,
    LibraryOption,
    NormaliseOption,
    UseOption,
    WeightOption,
)

if TYPE_CHECKING:
    from eval.results import Report


def evaluate(
    dataset: Annotated[
        str,
        typer.Argument(help="A folder with train/valid/test.jsonl, or one .jsonl file.", show_default=False),
    ],
    split: Annotated[
        str | None, typer.Option(help="Which file of a folder (default: valid).", show_default=False)
    ] = None,
    library: LibraryOption = None,
    label: Annotated[
        str | None,
        typer.Option(
            help="What makes a sticker relevant: emotion, emoji or intention (default: what the rows have).",
            show_default=False,
        ),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Only the first so many rows.", show_default=False)
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for records, TREC run files and the report; a stopped run goes on from there.",
            show_default=False,
        ),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at the first bad row.")] = False,
    use: UseOption = None,
    history: HistoryOption = 3,
    fusion: FusionOption = "rrf",
    weight: WeightOption = None,
    normalise: NormaliseOption = None,
    device: DeviceOption = "auto",
    json: JsonOption = False,
) -> int:
    """Measure every scorer of a library and their fusion on a dataset, beside chance."""
    from eval.harness import evaluate as run
    from eval.labels import check_label_field

    retriever = options.open_retriever(
        library, use=use, history=history, device=device, fusion=fusion, weight=weight,
        normalise=normalise, recall="exact",
    )  # fmt: skip
    config = {
        "encoders": [spec.fingerprint for spec in retriever.library.manifest.encoders],
        "document_fields": list(retriever.library.manifest.document_fields),
        "use": sorted(use or ()),
        "history": history,
        "fusion": fusion,
        "weights": options.parse_weights(weight),
        "normalise": normalise,
    }
    report = run(
        dataset,
        list(retriever.stickers),
        retriever.score_library,
        split=split,
        label=check_label_field(label) if label else None,
        limit=limit,
        out=out,
        strict=strict,
        config=config,
    )
    _show(report, json)
    if out is not None:
        typer.echo(f"written: {out}", err=True)
    return 0


def _show(report: "Report", as_json: bool) -> None:
    if as_json:
        import json
        import sys

        sys.stdout.write(json.dumps(report.as_dict(), ensure_ascii=False) + "\n")
        return
    from rich.console import Console

    from eval.report import to_rich

    Console().print(to_rich(report))
