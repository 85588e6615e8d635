"""`sticker score`: run files of any tool against judgements."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from retriever.cli.options import JsonOption

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from eval.run_results import RunScores
    from eval.significance import Interval

_SHOWN = 3
_ACROSS = 5
_MOST_TESTS = 30
_MAIN = ("AP", "RR", "nDCG@10")


def score(
    *,
    run: Annotated[
        list[Path],
        typer.Option(
            "--run", help="A run file in TREC's format, may be gzip; repeatable.", show_default=False
        ),
    ],
    qrels: Annotated[
        Path, typer.Option("--qrels", help="The judgements, in TREC's format.", show_default=False)
    ],
    measures: Annotated[
        list[str] | None,
        typer.Option(
            "--measures",
            help="P@k, R@k, Hit@k, RR, AP, nDCG (the last three also @k), or trec_eval's names; repeatable, "
            "or divided by commas (default: P@1,P@3,P@5, R@1,R@2,R@5, AP,RR,nDCG@10).",
            show_default=False,
        ),
    ] = None,
    baseline: Annotated[
        list[Path] | None,
        typer.Option(
            "--baseline",
            help="A run to test the others against; repeatable (default: every two runs are tested).",
            show_default=False,
        ),
    ] = None,
    ties: Annotated[
        Literal["expected", "optimistic", "pessimistic", "trec"],
        typer.Option(
            help="Equal scores: the mean over their orders, relevant documents first, or last, or as "
            "trec_eval does (single precision, then the greater document id)."
        ),
    ] = "expected",
    per_query: Annotated[
        Path | None,
        typer.Option("--per-query", help="Write every query's values as CSV.", show_default=False),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the bootstrap and of the tests.")] = 0,
    json: JsonOption = False,
) -> int:
    """Score run files: means with 95 % intervals, and paired tests between runs, corrected by Holm.

    Every query that has a relevant document counts, and one that a run has nothing for counts as 0: trec_eval
    leaves it out unless given -c. Queries in which nothing is relevant are left out and told; trec_eval takes
    them as 0.
    """
    import sys

    from eval.run_results import write_per_query
    from eval.run_scores import DEFAULT_MEASURES, score_runs

    wanted = [name.strip() for given in measures or () for name in given.split(",") if name.strip()]
    found = score_runs(qrels, run, wanted or DEFAULT_MEASURES, baselines=baseline or (), ties=ties, seed=seed)
    if per_query is not None:
        write_per_query(per_query, found)
        typer.echo(f"written: {per_query}", err=True)
    if json:
        import json as codec

        sys.stdout.write(codec.dumps(found.as_dict(), ensure_ascii=False) + "\n")
    else:
        from rich.console import Console

        # a pipe gets whole lines, however long
        console = Console(width=None if sys.stdout.isatty() else 1000)
        for part in _tables(found):
            console.print(part)
    return 0


def _tables(found: "RunScores") -> "list[RenderableType]":
    from rich.text import Text

    measures = list(found.runs[0].mean)
    n, many = str(len(found.queries)), len(found.runs)
    if many <= _ACROSS:
        head = ["", *(run.name for run in found.runs)]
        rows = [[name, *(_mean(run.mean[name], many) for run in found.runs)] for name in measures]
        rows.insert(0, ["n", *[n] * many])
    else:
        head = ["", "n", *measures]
        rows = [[run.name, n, *(_mean(run.mean[name], many) for name in measures)] for run in found.runs]
    parts: list[RenderableType] = [_table(head, rows), *map(Text, _notes(found))]
    shown = [name for name in measures if found.tests]
    n_tests = len(found.tests[measures[0]]) if shown else 0
    if n_tests * len(shown) > _MOST_TESTS:
        shown = [next((name for name in _MAIN if name in measures), measures[0])]
    if n_tests:
        tests = [
            [
                name,
                f"{test.system} over {test.other}",
                f"{test.mean:+.4f} [{test.low:+.4f}, {test.high:+.4f}]",
                f"{test.p:.4f}",
                f"{test.p_holm:.4f}{'*' if test.is_clear() else ' '}",
                f"{test.wins}/{test.ties}/{test.losses}",
            ]
            for name in shown
            for test in found.tests[name]
        ]
        head = ["", "difference", "mean [95 %]", "p", "p (Holm) ", "won/even/lost"]
        parts += [_table(head, tests), *map(Text, _about_tests(found, n_tests, len(shown) < len(measures)))]
    return parts


def _mean(interval: "Interval", n_runs: int) -> str:
    if n_runs > 2:
        return f"{interval.mean:.4f}"
    return f"{interval.mean:.4f} [{interval.low:.4f}, {interval.high:.4f}]"


def _table(head: list[str], rows: list[list[str]]) -> "Table":
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for at, title in enumerate(head):
        words = title in ("", "difference")
        table.add_column(Text(title), justify="left" if words else "right", no_wrap=not words or not at)
    for row in rows:
        # plain text: a run's name may hold what rich takes for markup
        table.add_row(*map(Text, row))
    return table


def _about_tests(found: "RunScores", n_tests: int, more: bool) -> list[str]:
    said = [
        f"p: paired randomisation test over queries; Holm: corrected for the {n_tests} "
        f"{'tests' if n_tests > 1 else 'test'} of a measure; *: below 0.05; [ ]: bootstrap, not corrected "
        f"(seed {found.seed})"
    ]
    return said + (["the tests of the other measures: --json"] if more else [])


def _notes(found: "RunScores") -> list[str]:
    notes = [f"means over {len(found.queries)} queries with a relevant document; equal scores: {found.ties}"]
    if found.without_relevant:
        notes.append(f"left out, nothing relevant: {_some(found.without_relevant)}")
    for run in found.runs:
        if run.missing:
            notes.append(f"{run.name} has nothing for {_some(run.missing)}: counted as 0")
        if run.unjudged:
            notes.append(f"{run.name}, left out, not in the qrels: {_some(run.unjudged)}")
        if run.n_unjudged_documents:
            notes.append(
                f"{run.name}: {run.n_unjudged_documents} documents without judgement count as not relevant"
            )
    return notes


def _some(queries: tuple[str, ...]) -> str:
    more = f", ... and {len(queries) - _SHOWN} more" if len(queries) > _SHOWN else ""
    noun = "query" if len(queries) == 1 else "queries"
    return f"{len(queries)} {noun} ({', '.join(queries[:_SHOWN])}{more})"
