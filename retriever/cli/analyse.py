"""`sticker analyse`: look into trained rankers."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from retriever.cli.options import DeviceOption, JsonOption


class Kind(StrEnum):
    intensity = "intensity"
    tsne = "tsne"
    attention = "attention"
    saliency = "saliency"
    diversity = "diversity"
    text_split = "text-split"
    relations = "relations"
    cases = "cases"
    pr = "pr"


ONE = (Kind.attention, Kind.saliency, Kind.relations, Kind.cases)
"""Drawn for one checkpoint."""


def analyse(
    kind: Annotated[
        Kind,
        typer.Argument(
            help="intensity: success by how positive conversation and sticker are; tsne: stickers as the "
            "image encoder sees them; attention: where the ranker looks (family pbr). saliency: which words "
            "count (family mmbert). diversity: what is predicted beside what was sent; text-split: success "
            "by whether the right sticker has words in it (rankers that look at pictures). relations: which "
            "parts of stickers count; cases: conversations with what is ranked first; pr: precision over "
            "recall by label (family int_ra).",
            show_default=False,
        ),
    ],
    checkpoint: Annotated[
        list[Path],
        typer.Argument(help="Folders of trained rankers, drawn beside each other.", show_default=False),
    ],
    data: Annotated[
        str | None,
        typer.Option("--data", help="A dataset (default: the one it was trained on).", show_default=False),
    ] = None,
    pack: Annotated[
        list[str] | None,
        typer.Option("--pack", help="A pack of that dataset's stickers, repeatable.", show_default=False),
    ] = None,
    teacher: Annotated[
        Path | None,
        typer.Option(
            help="An emotion teacher, to judge stickers (default: the ranker's own, else the packs' labels).",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="The PNG to write (default: KIND.png).", show_default=False)
    ] = None,
    sample: Annotated[
        list[str] | None,
        typer.Option(
            "--sample",
            help="attention, saliency, relations, cases: id of a row, repeatable.",
            show_default=False,
        ),
    ] = None,
    count: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="attention, saliency, cases: how many rows (4); relations: how many stickers (8); tsne: "
            "likewise (2000).",
            show_default=False,
        ),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Only the first so many validation rows.", show_default=False)
    ] = None,
    split: Annotated[
        str,
        typer.Option(help="diversity, text-split: valid, or a test split (DSTC10-MOD: easy, hard)."),
    ] = "valid",
    device: DeviceOption = "auto",
    json: JsonOption = False,
) -> int:
    """Draw one of the papers' analyses for trained rankers, on their validation split."""
    import json as to_json

    from retriever.errors import InputError
    from retriever.extras import require

    path = out or Path(f"{kind.value}.png")
    if path.suffix.lower() != ".png":
        raise InputError(f"got --out {path}; expected a file whose name ends in .png")
    if kind in ONE and len(checkpoint) > 1:
        raise InputError(f"{kind.value} is drawn for one checkpoint; got {len(checkpoint)}")
    require("torch", "train", "analyses of rankers")
    told: list[dict[str, Any]]
    if kind in (Kind.diversity, Kind.text_split):
        from trainers.analyses.diversity import prediction_diversity
        from trainers.analyses.everything import open_split
        from trainers.analyses.text_split import text_split

        opened = [open_split(one, split, data, pack or [], limit, device) for one in checkpoint]
        if kind is Kind.text_split:
            return _show([row for subject, rows in opened for row in text_split(subject, rows)], json)
        told = prediction_diversity(opened, path)
    elif kind is Kind.saliency:
        from retriever.rankers.mmbert.ranker import MMBERTRanker
        from trainers.analyses.saliency import word_saliency
        from trainers.analyses.subjects import open_subject

        subject = open_subject(checkpoint[0], MMBERTRanker, data, pack or [], limit, device)
        told = word_saliency(subject, path, sample or [], count or 4)
    elif kind in (Kind.relations, Kind.cases, Kind.pr):
        from trainers.analyses.int_ra import case_sheet, open_int_ra, pr_curves, relation_maps

        rankers = [open_int_ra(one, data, pack or [], limit, device) for one in checkpoint]
        if kind is Kind.relations:
            told = relation_maps(rankers[0], path, sample or [], count or 8)
        elif kind is Kind.cases:
            told = case_sheet(rankers[0], path, sample or [], count or 4)
        else:
            told = pr_curves(rankers, path)
    else:
        from trainers.analyses import attention_maps, intensity_curves, open_subjects, sticker_map

        subjects = open_subjects(checkpoint, data, pack or [], limit, device)
        if kind is Kind.intensity:
            told = intensity_curves(subjects, path, teacher, device)
        elif kind is Kind.tsne:
            told = sticker_map(subjects, path, teacher, count or 2000, device=device)
        else:
            told = attention_maps(subjects[0], path, sample or [], count or 4, teacher, device)
    if json:
        typer.echo("\n".join(to_json.dumps(row, ensure_ascii=False) for row in told))
    typer.echo(f"written: {path}", err=True)
    return 0


def _show(rows: list[dict[str, Any]], as_json: bool) -> int:
    """Rows of the same columns, on stdout."""
    import json

    if as_json:
        typer.echo("\n".join(json.dumps(row, ensure_ascii=False) for row in rows))
        return 0
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None)
    for name in rows[0]:
        table.add_column(name, justify="left" if isinstance(rows[0][name], str) else "right")
    for row in rows:
        table.add_row(*(Text("" if value is None else str(value)) for value in row.values()))
    Console().print(table)
    return 0
