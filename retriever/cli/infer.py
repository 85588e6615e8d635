"""`sticker infer`: what people in conversations intend, need, want, feel and cause."""

import json as jsonlib
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retriever.cli import llm_options
from retriever.cli.groups import grouped
from retriever.cli.llm_options import SERVER, Asking, LanguageOption
from retriever.cli.options import DeviceOption, JsonOption, LibraryOption

if TYPE_CHECKING:
    from llm_tools.summary import Summary
    from retriever.types import Conversation


@dataclass(frozen=True)
class Server(llm_options.Server):
    """A model at a server or in this process, or a COMET checkpoint."""

    engine: Annotated[
        str,
        typer.Option(
            help="http: a server; vllm: in this process; comet: a COMET-BART checkpoint.",
            rich_help_panel=SERVER,
        ),
    ] = "http"
    device: DeviceOption = "auto"


@grouped
def infer(
    *,
    dataset: Annotated[
        str, typer.Argument(help="A dataset folder, or a .jsonl file of conversations.", show_default=False)
    ],
    split: Annotated[
        str | None, typer.Option(help="Which file of a folder (default: valid).", show_default=False)
    ] = None,
    server: Server,
    library: LibraryOption = None,
    out: Annotated[
        Path | None, typer.Option(help="Write rows here and leave libraries alone.", show_default=False)
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Only the first so many.", show_default=False)
    ] = None,
    language: LanguageOption = "en",
    asking: Asking,
    json: JsonOption = False,
) -> int:
    """Infer the five COMET relations and an intention for every conversation; resumable like `describe`."""
    from llm_tools.batch import failures_path
    from llm_tools.infer import InferOptions, infer_job
    from llm_tools.infer import infer as run
    from retriever.indexing import annotate
    from retriever.store.journal import rewrite
    from retriever.store.library import Library, default_library

    conversations = _conversations(dataset, split, limit)
    where = library or default_library()
    if out is None:
        Library.open(where)  # a missing library is told before anything is paid for
    journal = (
        out.with_name(f"{out.stem}.answers.jsonl")
        if out is not None
        else where.resolve() / "journal" / "infer.answers.jsonl"
    )
    if server.engine == "comet":
        rows, summary = _comet(conversations, server.model, server.device, journal)
    else:
        backend = server.open()
        options = InferOptions(language=language, policy=asking.policy)  # type: ignore[arg-type]
        if asking.dry_run:
            model = llm_options.id_of(backend)
            return asking.tell_estimate(*infer_job(conversations, model, options), journal)
        rows, summary = run(
            conversations, backend, journal, options, concurrency=asking.concurrency, **asking.limits()
        )
    code = llm_options.tell(summary, failures_path(journal))
    if json:
        for row in rows:
            sys.stdout.write(jsonlib.dumps(row, ensure_ascii=False) + "\n")
    if out is not None:
        rewrite(out, rows)
        typer.echo(f"{len(rows)} rows in {out}", err=True)
    else:
        report = annotate(where, inferences=rows)
        typer.echo(f"{len(rows)} conversations inferred; index {report.index} of {report.library}", err=True)
    return code


def _conversations(dataset: str, split: str | None, limit: int | None) -> "list[Conversation]":
    from itertools import islice

    from eval.datasets import open_dataset

    return [sample.conversation for sample in islice(open_dataset(dataset, split).samples(), limit)]


def _comet(
    conversations: "list[Conversation]", model: str | None, device: str, journal: Path
) -> "tuple[list[dict[str, Any]], Summary]":
    from llm_tools.comet import comet
    from retriever.errors import InputError

    if model is None:
        raise InputError("--engine comet needs --model: a COMET-BART checkpoint, a folder or a hub id")
    return comet(conversations, model, journal, device=device)
