"""`sticker eval`: measure the scorers of a library, and their fusion, on a dataset."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from retriever.cli import llm_options
from retriever.cli.groups import grouped
from retriever.cli.options import DeviceOption, JsonOption, LibraryOption, Scoring

if TYPE_CHECKING:
    from eval.results import Report
    from eval.systems import Scored, Systems
    from llm_tools.baselines import LlmBaseline
    from retriever.chain import StickerRetriever
    from retriever.types import Conversation


@grouped
def evaluate(
    *,
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
    """Measure every scorer of a library and their fusion on a dataset, beside chance."""
    from itertools import islice

    from eval.datasets import open_dataset
    from eval.harness import evaluate as run
    from eval.labels import check_label_field

    retriever = scoring.open(library, device=device)
    config = {
        "encoders": [spec.fingerprint for spec in retriever.library.manifest.encoders],
        "document_fields": list(retriever.library.manifest.document_fields),
        **scoring.record(),
    }
    systems: Systems = retriever.score_library
    if llm is not None:
        journal = (out or retriever.library.paths.root / "journal") / "wanted.answers.jsonl"
        baseline = _baseline(retriever, llm, model, api_key, with_intention, journal)
        read = open_dataset(dataset, split).samples()
        baseline.prepare(sample.conversation for sample in islice(read, limit))
        config |= {"baseline": baseline.name}
        systems = _beside(retriever, baseline)
    report = run(
        dataset,
        list(retriever.stickers),
        systems,
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


def _baseline(
    retriever: "StickerRetriever",
    url: str,
    model: str | None,
    api_key: str | None,
    with_intention: bool,
    journal: Path,
) -> "LlmBaseline":
    from llm_tools.baselines import LlmBaseline
    from retriever.errors import InputError
    from retriever.scorers.embedding import EmbeddingScorer

    encoder = next((s.encoder for s in retriever.recallers if isinstance(s, EmbeddingScorer)), None)
    if encoder is None:
        raise InputError(
            "the LLM baseline matches texts with the library's encoder, and this one has none; "
            "index with --encoder minilm --reencode"
        )
    journal.parent.mkdir(parents=True, exist_ok=True)
    return LlmBaseline.at(
        url,
        model,
        encoder,
        list(retriever.stickers),
        journal,
        api_key=api_key,
        with_intention=with_intention,
    )


def _beside(retriever: "StickerRetriever", baseline: "LlmBaseline") -> "Systems":
    def score(conversation: "Conversation") -> "Scored":
        return {**retriever.score_library(conversation), **baseline(conversation)}

    return score


def _show(report: "Report", as_json: bool) -> None:
    if as_json:
        import json
        import sys

        sys.stdout.write(json.dumps(report.as_dict(), ensure_ascii=False) + "\n")
        return
    from rich.console import Console

    from eval.report import to_rich

    Console().print(to_rich(report))
