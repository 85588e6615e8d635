"""Results for people: a table on a terminal, or markdown; percent with one decimal, chance always beside.

A system's cell without a mark is clearly above chance: the 95 % interval of the paired difference is above 0.
``?`` marks one that may be chance, ``-`` one clearly below it.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from eval.results import ProtocolResult, Report, SystemResult
from eval.significance import Difference

if TYPE_CHECKING:
    from rich.console import Group

__all__ = ["to_markdown", "to_rich"]


class _Column(NamedTuple):
    title: str
    measure: str
    macro: bool = False


class _Sheet(NamedTuple):
    """One protocol as text."""

    title: str
    head: list[str]
    rows: list[list[str]]
    notes: list[str]


_COLUMNS = {
    "candidates": [
        _Column("R{n}@1", "R@1"),
        _Column("R{n}@2", "R@2"),
        _Column("R{n}@5", "R@5"),
        _Column("MAP", "AP"),
    ],
    "exact": [
        _Column("R_all@1", "R@1"),
        _Column("R_all@5", "R@5"),
        _Column("R_all@10", "R@10"),
        _Column("MRR_all", "RR"),
    ],
    "library": [
        _Column("P@1", "P@1"),
        _Column("P@3", "P@3"),
        _Column("P@5", "P@5"),
        _Column("Hit@5", "Hit@5"),
        _Column("mAP", "AP"),
        _Column("macro P@1", "P@1", macro=True),
    ],
}
_COLUMNS["exact-words"] = _COLUMNS["exact-no-words"] = [
    _Column("R_all@1", "R@1"),
    _Column("R_all@2", "R@2"),
    _Column("R_all@5", "R@5"),
    _Column("MRR_all", "RR"),
]
_COLUMNS["intent"] = _COLUMNS["library"]


def to_rich(report: Report) -> "Group":
    """Tables to print with a rich console."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    parts: list[Table | Text] = [Text(line) for line in _opening(report)]
    for result in report.protocols:
        sheet = _sheet(report, result)
        table = Table(
            title=Text(sheet.title), title_justify="left", title_style="bold", box=SIMPLE_HEAD,
            padding=(0, 1, 0, 0), pad_edge=False,
        )  # fmt: skip
        for at, title in enumerate(sheet.head):
            # only names may wrap: 80 columns hold the widest table
            head = Text(title.replace("macro ", "macro\n"))
            table.add_column(
                head, justify="right" if at else "left", no_wrap=at > 0, min_width=0 if at else 12
            )
        for row in sheet.rows:
            # plain text: a system's name may hold what rich takes for markup
            table.add_row(*(Text(cell) for cell in row))
        parts += [Text(""), table] if sheet.rows else [Text(""), Text(sheet.title)]
        parts += [Text(note) for note in sheet.notes]
    return Group(*parts)


def to_markdown(report: Report) -> str:
    """The same tables as markdown."""
    lines = [f"# {_name(report)}", "", *_opening(report)[1:], ""]
    for result in report.protocols:
        sheet = _sheet(report, result)
        lines += [f"## {sheet.title}", ""]
        if sheet.rows:
            lines += [
                "| " + " | ".join(sheet.head) + " |",
                "|" + " --- |" + " ---: |" * (len(sheet.head) - 1),
            ]
            lines += [
                "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in sheet.rows
            ]
        lines += ["", *(f"- {note}" for note in sheet.notes), ""]
    return "\n".join(line for line in lines).rstrip() + "\n"


def _name(report: Report) -> str:
    return f"{report.dataset} {report.split}".rstrip()


def _opening(report: Report) -> list[str]:
    lines = [f"{_name(report)}: {report.n_rows} conversations"]
    if report.n_bad_rows:
        lines.append(f"{report.n_bad_rows} rows could not be read and were left out:")
        lines += [f"  {problem}" for problem in report.problems]
        if report.n_bad_rows > len(report.problems):
            lines.append(f"  ... and {report.n_bad_rows - len(report.problems)} more")
    return lines


def _sheet(report: Report, result: ProtocolResult) -> _Sheet:
    least, most = result.n_ranked
    size = str(least) if least == most else f"{least}-{most}"
    if result.protocol == "candidates":
        title = f"{size} candidates, one gold: {result.n_queries} queries"
    elif result.protocol in _COLUMNS:
        right = result.relevance or f"the same {report.label or 'label'}"
        title = f"whole library ({size}), right: {right}: {result.n_queries} queries"
    else:
        title = f"{result.protocol} ({size}): {result.n_queries} queries"
    notes = [f"left out: {reason} ({n})" for reason, n in result.skipped.items()]
    if not result.n_queries:
        return _Sheet(title, [], [], notes)
    columns = _COLUMNS.get(result.protocol) or [_Column(name, name) for name in result.chance.mean]
    columns = [column for column in columns if not column.macro or result.chance.macro]
    n = str(least) if least == most else ""
    head = [
        "%",
        *(column.title.format(n=n) for column in columns),
        f"{columns[0].title.format(n=n)} over chance",
    ]
    rows = [
        [
            system.name,
            *(_cell(system, column) for column in columns),
            _interval(system.over_chance.get(columns[0].measure)),
        ]
        for system in (result.chance, *result.systems)
    ]
    return _Sheet(title, head, rows, notes + _notes(report, result, columns))


def _cell(system: SystemResult, column: _Column) -> str:
    value = (system.macro if column.macro else system.mean)[column.measure]
    return _percent(value) + _mark(system.over_chance.get(column.measure), column.macro)


def _mark(difference: Difference | None, macro: bool) -> str:
    if difference is None:
        return " "
    low, high = (difference.macro_low, difference.macro_high) if macro else (difference.low, difference.high)
    if low is None or high is None or low > 0:
        return " "
    return "-" if high < 0 else "?"


def _notes(report: Report, result: ProtocolResult, columns: Sequence[_Column]) -> list[str]:
    notes = []
    if result.protocol in ("library", "intent"):
        notes.append(
            f"relevant: {result.n_relevant:.1f} stickers a query; macro: mean over {result.n_labels} labels"
        )
    cells = "".join(_cell(system, column) for system in result.systems for column in columns)
    if "?" in cells:
        notes.append("?: not clearly different from chance")
    if "-" in cells:
        notes.append("-: clearly below chance")
    main = columns[0]
    for system in result.systems:
        difference = system.over_baseline.get(main.measure)
        if difference is not None:
            title = main.title.format(n=result.n_ranked[0])
            notes.append(f"{system.name} over {report.baseline}, {title}: {_interval(difference)}")
    drawn = f"{report.resamples} resamples, seed {report.seed}"
    notes.append(f"[ ]: 95 % interval, paired bootstrap over {result.drawn} ({drawn})")
    return notes


def _interval(difference: Difference | None) -> str:
    if difference is None:
        return ""
    mean, low, high = (100 * value for value in (difference.mean, difference.low, difference.high))
    return f"{mean:+.1f} [{low:.1f}, {high:.1f}]"


def _percent(value: float) -> str:
    return f"{100 * value:.1f}"
