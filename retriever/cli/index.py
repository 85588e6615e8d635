"""`sticker index`: bring a library up to date with a pack."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from retriever.cli.options import DeviceOption, JsonOption, LibraryOption

if TYPE_CHECKING:
    from retriever.indexing import IndexReport

SHOWN = 5


def index(
    pack: Annotated[
        str | None,
        typer.Argument(
            help="A folder of images or with stickers.jsonl, a zip, or `starter` for the built-in pack.",
            show_default=False,
        ),
    ] = None,
    library: LibraryOption = None,
    encoder: Annotated[
        list[str] | None,
        typer.Option(
            "--encoder",
            "-e",
            help="starter, minilm, open_clip:MODEL/TAG, sentence-transformers:MODEL, or none; repeatable "
            "[default: what the library has; starter for a new one].",
            show_default=False,
            rich_help_panel="Models",
        ),
    ] = None,
    reencode: Annotated[
        bool,
        typer.Option(
            "--reencode", help="Allow another encoder than the library's; all vectors are computed anew."
        ),
    ] = False,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Make the index anew from the records, without encoding again.")
    ] = False,
    ocr: Annotated[
        bool, typer.Option("--ocr", help="Read the words in pictures that have no `verbal`.")
    ] = False,
    chroma: Annotated[
        str | None,
        typer.Option(help="URL of a Chroma server for the index, or `embedded`.", show_default=False),
    ] = None,
    device: DeviceOption = "auto",
    json: JsonOption = False,
) -> int:
    """Index a pack: new and changed stickers come in, deleted ones leave, the rest is not touched.

    Can be killed at any moment; the same command goes on where it stopped.
    """
    from retriever.errors import InputError
    from retriever.indexing import index_pack, rebuild_index
    from retriever.store.library import default_library

    where = library or default_library()
    if rebuild:
        if pack is not None:
            raise InputError(
                f"got the pack {pack!r} with --rebuild, which reads no pack; leave one of them out"
            )
        return _show(rebuild_index(where), json)
    if pack is None:
        raise InputError("no pack given; name a folder, a zip, or `starter` for the built-in one")
    report = index_pack(
        where,
        resolve_pack(pack),
        encoders=encoder_names(encoder, where),
        chroma_url=chroma,
        reencode=reencode,
        ocr=ocr,
        device=device,
    )
    return _show(report, json)


def resolve_pack(pack: str) -> Path:
    """Where a pack is; ``starter`` is the built-in one."""
    if pack == "starter" and not Path(pack).exists():
        from retriever.starter import STARTER_PACK

        return STARTER_PACK
    return Path(pack)


def encoder_names(given: list[str] | None, library: Path) -> list[str] | None:
    """Names with ``auto`` and ``none`` resolved; None keeps what an existing library has."""
    from retriever.encoders import DEFAULT
    from retriever.store.paths import LibraryPaths

    if given is None and LibraryPaths(library).manifest.exists():
        return None
    names: list[str] = []
    for name in given or ["auto"]:
        if name == "auto":
            names.append(DEFAULT)
        elif name != "none":
            names.append(name)
    return names


def _show(report: "IndexReport", as_json: bool) -> int:
    import json
    import sys

    if as_json:
        sys.stdout.write(json.dumps(report.to_json(), ensure_ascii=False) + "\n")
        return 0
    _warn(report)
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(show_header=False, box=None)
    rows = {
        "library": report.library,
        "stickers": f"{report.total:,}",
        "this pack": f"{report.added:,} new, {report.changed:,} changed, {report.unchanged:,} unchanged, "
        f"{report.removed:,} removed" if report.source else "",
        "encoder": ", ".join(report.encoders) or "none (lexical only)",
        "encoded": f"{report.encoded:,}",
        "quarantined": f"{len(report.quarantined):,}",
        "duplicates": f"{len(report.exact_duplicates):,} groups exact, {len(report.near_duplicates):,} alike",
        "index": report.index + (" (was up to date)" if report.up_to_date else ""),
        "seconds": ", ".join(f"{stage} {seconds:.1f}" for stage, seconds in report.seconds.items()),
    }  # fmt: skip
    for name, value in rows.items():
        if value:
            table.add_row(Text(name, style="bold"), Text(value))
    Console().print(table)
    return 0


def _warn(report: "IndexReport") -> None:
    """Nothing is dropped silently: reasons counted, the first few named, the journal for all."""
    if report.quarantined:
        counts = ", ".join(f"{count} {reason}" for reason, count in report.reasons.most_common())
        typer.echo(f"{len(report.quarantined)} quarantined: {counts}", err=True)
        for item in report.quarantined[:SHOWN]:
            typer.echo(f"  {item.origin}: {item.reason} ({item.detail})", err=True)
        if len(report.quarantined) > SHOWN:
            typer.echo(f"  ... all of them: {report.library}/journal/quarantine.jsonl", err=True)
    for notice in report.notices[:SHOWN]:
        typer.echo(notice, err=True)
    if len(report.notices) > SHOWN:
        typer.echo(f"  ... and {len(report.notices) - SHOWN} more like these", err=True)
    if report.ignored:
        counts = ", ".join(f"{count} {suffix}" for suffix, count in report.ignored.items())
        typer.echo(f"passed over, for they are no images: {counts}", err=True)
    for group in report.exact_duplicates[:SHOWN]:
        typer.echo(f"same bytes: {', '.join(group[:SHOWN])}", err=True)
