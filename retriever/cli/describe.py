"""`sticker describe`: a multimodal model writes attributes, a description, an emotion and an intention."""

import json as jsonlib
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retriever.cli import llm_options
from retriever.cli.groups import grouped
from retriever.cli.llm_options import SERVER, WORK, Asking, LanguageOption
from retriever.cli.options import JsonOption, LibraryOption

if TYPE_CHECKING:
    from llm_tools.backends.base import Backend
    from llm_tools.describe import DescribeOptions
    from llm_tools.summary import Summary
    from retriever.packs.entry import PackEntry
    from retriever.types import Sticker


@dataclass(frozen=True)
class Server(llm_options.Server):
    """A model at a server, in this process, or on a Ray cluster."""

    engine: Annotated[
        str,
        typer.Option(
            help="http: a server; vllm: in this process; ray: on a Ray cluster.", rich_help_panel=SERVER
        ),
    ] = "http"
    ray_address: Annotated[
        str | None,
        typer.Option(
            help="Of a running cluster, for --engine ray (default: a new one on this machine).",
            show_default=False,
            rich_help_panel=SERVER,
        ),
    ] = None


@grouped
def describe(
    *,
    pack: Annotated[
        str | None,
        typer.Argument(
            help="A pack; indexed into the library first. Without it, what the library holds.",
            show_default=False,
        ),
    ] = None,
    server: Server,
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
    asking: Asking,
    json: JsonOption = False,
) -> int:
    """Describe stickers with a vision-language model, one call each, and index what it wrote.

    Every answer is on the disk as soon as it is there: kill it, run it again, it goes on.
    """
    from llm_tools.batch import failures_path
    from llm_tools.describe import DescribeOptions, describe_job, sources
    from retriever.errors import InputError
    from retriever.store.library import default_library

    if out is not None and pack is None:
        raise InputError("--out needs a pack to describe; without --out the library's stickers are described")
    options = DescribeOptions(
        language=language,
        per_attribute=per_attribute,
        frames=frames,
        policy=asking.policy,  # type: ignore[arg-type]
    )
    where = library or default_library()
    model, run = _on_ray(server, asking) if server.engine == "ray" else _here(server, asking)
    stickers, journal = _stickers(pack, where, out, asking.dry_run)
    if asking.dry_run:
        return asking.tell_estimate(*describe_job(list(sources(stickers)), model(), options), journal)
    rows, summary = run(stickers, journal, options)
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


if TYPE_CHECKING:
    Stickers = Sequence[Sticker | PackEntry]
    Way = tuple[
        Callable[[], str],
        Callable[[Stickers, Path, DescribeOptions], tuple[list[dict[str, Any]], Summary]],
    ]


def _here(server: Server, asking: Asking) -> "Way":
    """How the model's id is learnt, and how the job is run, from this process."""
    from llm_tools.describe import describe as run

    backend = server.open()

    def go(stickers: "Stickers", journal: Path, options: "DescribeOptions") -> Any:
        return run(stickers, backend, journal, options, concurrency=asking.concurrency, **asking.limits())

    return lambda: llm_options.id_of(backend), go


def _on_ray(server: Server, asking: Asking) -> "Way":
    """The same on a Ray cluster; every actor makes a backend of its own.

    Raises:
        InputError: no model is named; every actor has to mean the same one.
    """
    from functools import partial

    from llm_tools.backends.http import HTTPBackend
    from llm_tools.backends.vllm_engine import VLLMBackend
    from llm_tools.ray_job import RayOptions, describe_on_ray
    from retriever.errors import InputError

    model = server.model
    if model is None:
        raise InputError("--engine ray needs --model: an id at --base-url, or a folder or hub id for vLLM")
    make: Callable[[], Backend] = (
        partial(VLLMBackend, model, tensor_parallel=server.tensor_parallel)
        if server.base_url is None
        else partial(HTTPBackend, server.base_url, model, api_key=server.api_key)
    )
    cluster = RayOptions(
        server.ray_address,
        actors=server.data_parallel,
        gpus=0 if server.base_url else server.tensor_parallel,
        batch_size=asking.concurrency,
    )

    def go(stickers: "Stickers", journal: Path, options: "DescribeOptions") -> Any:
        return describe_on_ray(stickers, make, model, journal, options, cluster, **asking.limits())

    return lambda: model, go


def _stickers(pack: str | None, library: Path, out: Path | None, dry_run: bool) -> "tuple[Stickers, Path]":
    """What to describe, and the journal of answers; a dry run leaves the library as it is."""
    from retriever.cli.index import encoder_names, resolve_pack
    from retriever.indexing import index_pack
    from retriever.indexing.state import State
    from retriever.packs import PackEntry, open_pack
    from retriever.store.library import Library
    from retriever.store.paths import LibraryPaths

    journal = LibraryPaths(library.resolve()).root / "journal" / "describe.answers.jsonl"
    if out is not None:
        journal = out.with_name(f"{out.stem}.answers.jsonl")
    if pack is not None and (out is not None or dry_run):
        return [entry for entry in open_pack(resolve_pack(pack)) if isinstance(entry, PackEntry)], journal
    if pack is None:
        return list(Library.open(library).stickers), journal
    report = index_pack(library, resolve_pack(pack), encoders=encoder_names(None, library))
    opened = Library.open(library)
    entries_of = State(opened.paths).entries
    return [s for s in opened.stickers if entries_of[s.id].source == report.source], journal


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    from retriever.store.journal import rewrite

    rewrite(path, rows)
    typer.echo(f"{len(rows)} rows in {path}", err=True)
