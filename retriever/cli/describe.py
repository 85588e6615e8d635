"""`sticker describe`: a multimodal model writes attributes, a description, an emotion and an intention."""

import json as jsonlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retriever.cli import llm_options
from retriever.cli.llm_options import (
    WORK,
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
from retriever.cli.options import JsonOption, LibraryOption

if TYPE_CHECKING:
    from llm_tools.backends.base import Backend
    from llm_tools.describe import DescribeOptions
    from retriever.packs.entry import PackEntry
    from retriever.types import Sticker


def describe(
    pack: Annotated[
        str | None,
        typer.Argument(
            help="A pack; indexed into the library first. Without it, what the library holds.",
            show_default=False,
        ),
    ] = None,
    base_url: BaseUrlOption = None,
    model: ModelOption = None,
    engine: Annotated[
        str,
        typer.Option(
            help="http: a server; vllm: in this process; ray: on a Ray cluster.",
            rich_help_panel=llm_options.SERVER,
        ),
    ] = "http",
    api_key: ApiKeyOption = None,
    tensor_parallel: TensorParallelOption = 1,
    data_parallel: DataParallelOption = 1,
    ray_address: Annotated[
        str | None,
        typer.Option(
            help="Of a running cluster, for --engine ray (default: a new one on this machine).",
            show_default=False,
            rich_help_panel=llm_options.SERVER,
        ),
    ] = None,
    library: LibraryOption = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Write rows here and leave libraries alone; needs PACK.", show_default=False),
    ] = None,
    language: LanguageOption = "en",
    per_attribute: Annotated[
        bool, typer.Option("--per-attribute", help="The paper's four calls a sticker.", rich_help_panel=WORK)
    ] = False,
    frames: Annotated[int, typer.Option(min=1, help="Of an animated sticker.", rich_help_panel=WORK)] = 4,
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
    """Describe stickers with a vision-language model, one call each, and index what it wrote.

    Every answer is on the disk as soon as it is there: kill it, run it again, it goes on.
    """
    from llm_tools.batch import failures_path
    from llm_tools.describe import DescribeOptions
    from llm_tools.describe import describe as run
    from retriever.errors import InputError
    from retriever.store.library import default_library

    if out is not None and pack is None:
        raise InputError("--out needs a pack to describe; without --out the library's stickers are described")
    options = DescribeOptions(
        language=language,
        per_attribute=per_attribute,
        frames=frames,
        policy=policy,  # type: ignore[arg-type]
    )
    where = library or default_library()
    if engine == "ray":
        limited = (max_calls, max_tokens, max_minutes) != (None, None, None)
        if dry_run or limited:
            raise InputError(
                "--engine ray knows no --dry-run and no limits yet; leave them out, or use another engine"
            )
        make, name = _ray_factory(base_url, model, api_key, tensor_parallel)
        stickers, journal = _stickers(pack, where, out)
        from llm_tools.ray_job import RayOptions, describe_on_ray

        gpus = 0 if base_url else tensor_parallel
        cluster = RayOptions(ray_address, actors=data_parallel, gpus=gpus, batch_size=concurrency)
        rows, summary = describe_on_ray(stickers, make, name, journal, options, cluster)
    else:
        backend = llm_options.open_backend(engine, base_url, model, api_key, tensor_parallel, data_parallel)
        stickers, journal = _stickers(pack, where, out)
        if dry_run:
            return _estimate(stickers, backend, journal, options, price)
        rows, summary = run(
            stickers,
            backend,
            journal,
            options,
            budget=llm_options.budget(max_calls, max_tokens, max_minutes),
            concurrency=concurrency,
            retry_failed=retry_failed,
        )
    code = llm_options.tell(summary, failures_path(journal))
    if out is not None:
        _write(out, rows)
        return code
    from retriever.indexing import annotate

    report = annotate(where, descriptions=rows)
    if json:
        for row in rows:
            sys.stdout.write(jsonlib.dumps(row, ensure_ascii=False) + "\n")
    typer.echo(
        f"{len(rows)} described; index {report.index} of {report.library}"
        + (" was up to date" if report.up_to_date else f", {report.encoded} texts encoded"),
        err=True,
    )
    return code


def _ray_factory(
    base_url: str | None, model: str | None, api_key: str | None, tensor_parallel: int
) -> "tuple[Callable[[], Backend], str]":
    """What makes the backend in every actor, and the model id it records.

    Raises:
        InputError: no model is named; every actor has to mean the same one.
    """
    from functools import partial

    from llm_tools.backends.http import HTTPBackend
    from llm_tools.backends.vllm_engine import VLLMBackend
    from retriever.errors import InputError

    if model is None:
        raise InputError("--engine ray needs --model: an id at --base-url, or a folder or hub id for vLLM")
    if base_url is not None:
        return partial(HTTPBackend, base_url, model, api_key=api_key), model
    return partial(VLLMBackend, model, tensor_parallel=tensor_parallel), model


def _stickers(
    pack: str | None, library: Path, out: Path | None
) -> "tuple[Sequence[Sticker | PackEntry], Path]":
    """What to describe, and the journal of answers."""
    from retriever.cli.index import encoder_names, resolve_pack
    from retriever.indexing import index_pack
    from retriever.indexing.state import State
    from retriever.packs import PackEntry, open_pack
    from retriever.store.library import Library
    from retriever.store.paths import LibraryPaths

    if out is not None and pack is not None:
        entries = [entry for entry in open_pack(resolve_pack(pack)) if isinstance(entry, PackEntry)]
        return entries, out.with_name(f"{out.stem}.answers.jsonl")
    journal = LibraryPaths(library.resolve()).root / "journal" / "describe.answers.jsonl"
    if pack is None:
        return list(Library.open(library).stickers), journal
    report = index_pack(library, resolve_pack(pack), encoders=encoder_names(None, library))
    opened = Library.open(library)
    entries_of = State(opened.paths).entries
    return [s for s in opened.stickers if entries_of[s.id].source == report.source], journal


def _estimate(
    stickers: "Sequence[Sticker | PackEntry]",
    backend: "Backend",
    journal: Path,
    options: "DescribeOptions",
    price: str | None,
) -> int:
    import asyncio

    from llm_tools.describe import describe_items, sources
    from llm_tools.estimate import estimate

    asyncio.run(check(backend))
    prompt = options.load_prompt()
    task = options.task(prompt)
    items = list(describe_items(list(sources(stickers)), task, prompt, backend.model, options))
    typer.echo(estimate(items, task, journal, price=llm_options.parse_price(price)))
    return 0


async def check(backend: "Backend") -> None:
    """Ask whether the model is there, and let go of it."""
    try:
        await backend.check()
    finally:
        await backend.aclose()


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    from retriever.store.journal import rewrite

    rewrite(path, rows)
    typer.echo(f"{len(rows)} rows in {path}", err=True)
