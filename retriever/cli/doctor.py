"""`sticker doctor`: what is installed, what is wrong with the library, and its repair."""

from typing import TYPE_CHECKING, Annotated

import typer

from retriever.cli.options import JsonOption, LibraryOption

if TYPE_CHECKING:
    from retriever.doctor import Finding


def doctor(
    library: LibraryOption = None,
    repair: Annotated[bool, typer.Option("--repair", help="Repair what can be repaired.")] = False,
    json: JsonOption = False,
) -> int:
    """Check the installation and a library; exit code 2 when there is a problem.

    Repairing deletes nothing of record: what is damaged is set aside, and what can be derived is made anew.
    """
    from retriever.doctor import checkup
    from retriever.doctor import repair as repair_library
    from retriever.errors import LibraryNotFound
    from retriever.store.library import default_library
    from retriever.store.paths import LibraryPaths

    where = library or default_library()
    done: list[Finding] = []
    if repair:
        paths = LibraryPaths(where.resolve())
        if not paths.root.is_dir():
            raise LibraryNotFound(f"there is no library at {paths.root} to repair; name it with --library")
        done = list(repair_library(paths))
    findings = list(checkup(where))
    if json:
        _print_json(done, findings)
    else:
        _print_tables(done, findings)
    return 2 if any(finding.level == "problem" for finding in findings) else 0


def _print_json(done: "list[Finding]", findings: "list[Finding]") -> None:
    import json
    import sys
    from dataclasses import asdict

    value = {"repaired": [asdict(item) for item in done], "findings": [asdict(item) for item in findings]}
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")


def _print_tables(done: "list[Finding]", findings: "list[Finding]") -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    marks = {"ok": ("ok", "green"), "note": ("note", "yellow"), "problem": ("PROBLEM", "bold red")}
    for title, rows in (("repaired", done), ("checkup", findings)):
        if not rows:
            continue
        table = Table(title=title, title_justify="left", box=None, show_header=False)
        for finding in rows:
            mark, style = marks[finding.level]
            text = finding.text + (f"\n-> {finding.remedy}" if finding.remedy else "")
            table.add_row(Text(mark, style=style), Text(finding.check), Text(text))
        Console().print(table)
