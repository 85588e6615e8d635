"""`sticker fuse`: learn how to fuse the scorers of a library, and when to send a sticker at all."""

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retriever.cli import llm_options, llm_specs
from retriever.cli.fused_llm import FusedLlm, open_fused
from retriever.cli.options import DeviceOption, JsonOption, LibraryOption

if TYPE_CHECKING:
    from eval.fitting.fuse import FuseReport
    from retriever.chain import StickerRetriever
    from retriever.fusion.fitted import LanguageModel


def fuse(
    datasets: Annotated[
        list[str],
        typer.Argument(
            help="Folders with valid.jsonl, or .jsonl files; one fusion for all.", show_default=False
        ),
    ],
    out: Annotated[Path, typer.Option(help="The file to write.")] = Path("fusion.toml"),
    library: LibraryOption = None,
    scorers: Annotated[
        str | None,
        typer.Option(
            help="Which of the library's scorers, by comma: ranker,embedding,lexical (default: all it has); "
            "llm:MODEL@URL among them, or alone, adds a language model.",
            show_default=False,
        ),
    ] = None,
    ranker: Annotated[
        list[str] | None,
        typer.Option(
            help="A trained ranker's checkpoint folder, repeatable: NAME=FOLDER, or the folder alone; auto: "
            "the one that ships (the default); none.",
            show_default=False,
        ),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(help="Which file of a folder (default: valid); never test.", show_default=False),
    ] = None,
    label: Annotated[
        str | None,
        typer.Option(help="What makes a pick right: emotion, emoji or intention.", show_default=False),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Only the first so many rows of each.", show_default=False)
    ] = None,
    decide: Annotated[
        bool | None,
        typer.Option(
            "--decide/--no-decide",
            help="Also learn when to send a sticker at all, which scores everything a pick would recall "
            "(default: yes, but not where a language model takes part).",
            show_default=False,
        ),
    ] = None,
    send_rate: Annotated[
        float | None,
        typer.Option(help="Send in this share of conversations, such as 0.3.", show_default=False),
    ] = None,
    precision: Annotated[
        float | None,
        typer.Option(
            help="Send where this share of stickers sent is right, such as 0.6.", show_default=False
        ),
    ] = None,
    leave_one_out: Annotated[
        bool, typer.Option("--leave-one-out/--no-leave-one-out", help="Also measure what each scorer adds.")
    ] = True,
    history: Annotated[int, typer.Option(min=1, help="How many of the last utterances are read.")] = 3,
    folds: Annotated[int, typer.Option(min=2, help="Folds that are held out in turn.")] = 5,
    seed: Annotated[int, typer.Option(help="Of folds and intervals.")] = 0,
    cache: Annotated[
        Path | None,
        typer.Option(
            help="Folder where scores are kept, so that a stopped run goes on (default: OUT.scores).",
            show_default=False,
        ),
    ] = None,
    api_key: llm_options.ApiKeyOption = None,
    llm_method: Annotated[
        str,
        typer.Option(help="How llm: scores: pointwise or listwise.", rich_help_panel=llm_options.SERVER),
    ] = "pointwise",
    device: DeviceOption = "auto",
    json: JsonOption = False,
) -> int:
    """Learn how to fuse scorers from conversations of a validation split; `sticker pick --fusion` uses it.

    What is printed of the fusion is measured on conversations that it was not fitted on.
    """
    from eval.datasets import open_dataset
    from eval.fitting.decide import Target
    from eval.fitting.fuse import fuse_scores
    from eval.fitting.scored import score_dataset
    from eval.labels import check_label_field
    from retriever.errors import InputError
    from retriever.scorers.identity import identities

    if send_rate is not None and precision is not None:
        raise InputError("got --send-rate and --precision; one threshold serves one target, give one of them")
    if out.is_dir():
        raise InputError(f"--out {out} is a folder; give the file to write")
    target = Target(send_rate, precision)
    sources = [open_dataset(dataset, split) for dataset in datasets]
    kept = cache or out.with_name(f"{out.name}.scores")
    inside, llms = llm_specs.apart(scorers)
    llm = open_fused(llms, llm_method, kept / "llm", api_key) if llms else None
    decide = llm is None if decide is None else decide
    with ExitStack() as stack:
        if llm is not None:
            stack.callback(llm.scorer.close)
        retriever, checkpoints = _open(library, inside, ranker, history, device, llm)
        scored = [
            score_dataset(
                source,
                retriever,
                kept,
                label=check_label_field(label) if label else None,
                picks=decide,
                limit=limit,
            )
            for source in sources
        ]
        known = identities((*retriever.recallers, *retriever.scorers))
    report = fuse_scores(
        scored,
        known,
        folds=folds,
        seed=seed,
        decide=decide,
        target=target,
        leave_one_out=leave_one_out,
    )
    written = _write(report, retriever, checkpoints, out, None if llm is None else llm.model)
    _show(report, json)
    if llm is not None:
        llm.tell()
    typer.echo("written: " + ", ".join(map(str, written)), err=True)
    return 0


def _open(
    library: Path | None,
    scorers: list[str],
    ranker: list[str] | None,
    history: int,
    device: str,
    llm: "FusedLlm | None",
) -> "tuple[StickerRetriever, dict[str, str]]":
    """The retriever, and where the rankers lie that were named by their checkpoints."""
    from retriever.chain import StickerRetriever
    from retriever.errors import InputError
    from retriever.scorers.of_library import library_scorers, named_rankers, open_scorers
    from retriever.scorers.ranker import DenseRankerScorer, RankerScorer
    from retriever.store.library import Library

    given = ranker or ["auto"]
    plain = [one for one in given if one in ("auto", "none")]
    folders = dict(_named(one) for one in given if one not in ("auto", "none"))
    if len(folders) + len(plain) < len(given) or len(plain) > 1:
        raise InputError(f"got --ranker {', '.join(given)}; expected different names, and auto or none once")
    opened = Library.open(library)
    first = "auto" if "auto" in plain else None
    there = [*library_scorers(opened, first), *folders]
    wanted = scorers or there
    if unknown := [name for name in wanted if name not in there]:
        raise InputError(f"{opened.paths.root} has no scorer {unknown[0]!r}; there are {', '.join(there)}")
    if llm is None and len(wanted) < 2:
        raise InputError(
            f"there is only the scorer {wanted[0]}; a fusion takes two or more of {', '.join(there)}"
        )
    folders = {name: folder for name, folder in folders.items() if name in wanted}
    inside = [name for name in wanted if name not in folders]
    recallers, more = (
        open_scorers(opened, inside, history=history, device=device, ranker=first) if inside else ([], [])
    )
    for scorer in named_rankers(opened, folders, device):
        if isinstance(scorer, DenseRankerScorer):
            recallers.append(scorer)
        elif isinstance(scorer, RankerScorer):
            more.append(scorer)
    if not recallers:
        raise InputError(
            f"{', '.join(wanted)} cannot search a library; add embedding or lexical to --scorers"
        )
    return StickerRetriever(opened, recallers, [*more, *([llm.scorer] if llm else [])]), folders


def _named(given: str) -> tuple[str, str]:
    """``NAME=FOLDER``, or a folder under its own name."""
    from retriever.checkpoints import checkpoint_name

    name, equals, folder = given.partition("=")
    if not equals:
        name, folder = checkpoint_name(given), given
    return f"ranker:{name}", str(Path(folder).resolve())


def _write(
    report: "FuseReport",
    retriever: "StickerRetriever",
    checkpoints: dict[str, str],
    out: Path,
    llm: "LanguageModel | None",
) -> list[Path]:
    from dataclasses import replace
    from importlib.metadata import version

    from eval.fitting.pictures import draw_reliability, draw_risk_coverage
    from retriever.fusion.file import save_fusion

    provenance: dict[str, Any] = {
        "version": version("sticker-retriever"),
        "library": retriever.library.content,
        **{key: value for key, value in report.as_dict().items() if value},
    }
    pictures = []
    if report.decision is not None:
        pictures = [
            out.with_name(f"{out.stem}.reliability.png"),
            out.with_name(f"{out.stem}.risk-coverage.png"),
        ]
        draw_reliability(report.decision, pictures[0])
        draw_risk_coverage(report.decision, pictures[1])
    save_fusion(replace(report.fusion, checkpoints=checkpoints, llm=llm, provenance=provenance), out)
    return [out, *pictures]


def _show(report: "FuseReport", as_json: bool) -> None:
    if as_json:
        import json
        import sys

        sys.stdout.write(json.dumps(report.as_dict(), ensure_ascii=False) + "\n")
        return
    from rich.console import Console

    from eval.fitting.table import to_rich

    Console().print(to_rich(report))
