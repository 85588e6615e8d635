"""`sticker infer`: what people in conversations intend, need, want, feel and cause."""

import json as jsonlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retriever.cli import llm_options
from retriever.cli.llm_options import (
    ApiKeyOption,
    BaseUrlOption,
    ConcurrencyOption,
    DataParallelOption,
    DryRunOption,
    LanguageOption,
    MaxCallsOption,
    MaxMinutesOption,
    MaxTokensOption,
    ModelOption,
    PolicyOption,
    PriceOption,
    RetryFailedOption,
    TensorParallelOption,
)
from retriever.cli.options import DeviceOption, JsonOption, LibraryOption

if TYPE_CHECKING:
    from llm_tools.backends.base import Backend
    from llm_tools.infer import InferOptions
    from llm_tools.summary import Summary
    from retriever.types import Conversation


def infer(
    dataset: Annotated[
        str, typer.Argument(help="A dataset folder, or a .jsonl file of conversations.", show_default=False)
    ],
    split: Annotated[
        str | None, typer.Option(help="Which file of a folder (default: valid).", show_default=False)
    ] = None,
    base_url: BaseUrlOption = None,
    model: ModelOption = None,
    engine: Annotated[
        str,
        typer.Option(
            help="http: a server; vllm: in this process; comet: a COMET-BART checkpoint.",
            rich_help_panel=llm_options.SERVER,
        ),
    ] = "http",
    api_key: ApiKeyOption = None,
    tensor_parallel: TensorParallelOption = 1,
    data_parallel: DataParallelOption = 1,
    device: DeviceOption = "auto",
    library: LibraryOption = None,
    out: Annotated[
        Path | None, typer.Option(help="Write rows here and leave libraries alone.", show_default=False)
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Only the first so many.", show_default=False)
    ] = None,
    language: LanguageOption = "en",
    policy: PolicyOption = "free-then-guided",
    concurrency: ConcurrencyOption = 64,
    retry_failed: RetryFailedOption = False,
    max_calls: MaxCallsOption = None,
    max_tokens: MaxTokensOption = None,
    max_minutes: MaxMinutesOption = None,
    dry_run: DryRunOption = False,
    price: PriceOption = None,
    json: JsonOption = False,
) -> int:
    """Infer the five COMET relations and an intention for every conversation; resumable like `describe`."""
    from llm_tools.batch import failures_path
    from llm_tools.infer import InferOptions
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
    code = 0
    if engine == "comet":
        rows, summary = _comet(conversations, model, device, journal)
        code = llm_options.tell(summary, failures_path(journal))
    else:
        backend = llm_options.open_backend(engine, base_url, model, api_key, tensor_parallel, data_parallel)
        options = InferOptions(language=language, policy=policy)  # type: ignore[arg-type]
        if dry_run:
            return _estimate(conversations, backend, journal, options, price)
        rows, summary = run(
            conversations,
            backend,
            journal,
            options,
            budget=llm_options.budget(max_calls, max_tokens, max_minutes),
            concurrency=concurrency,
            retry_failed=retry_failed,
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


def _estimate(
    conversations: "list[Conversation]",
    backend: "Backend",
    journal: Path,
    options: "InferOptions",
    price: str | None,
) -> int:
    import asyncio

    from llm_tools.estimate import estimate
    from llm_tools.infer import infer_items
    from retriever.cli.describe import check

    asyncio.run(check(backend))
    prompt = options.load_prompt()
    task = options.task(prompt)
    items = list(infer_items(conversations, task, prompt, backend.model, options.history))
    typer.echo(estimate(items, task, journal, price=llm_options.parse_price(price)))
    return 0
