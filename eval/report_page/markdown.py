"""A report as Markdown. Text of others is escaped: it can be neither markup nor HTML nor a link."""

import re
from collections.abc import Iterable

from eval.report_page.sections import Contents
from eval.report_page.sheet import Cell, Sheet
from retriever.visible import visible

__all__ = ["escape", "to_text"]

_SPECIAL = re.compile(r"([\\`*_<>|#~$&])")
_BRACKETS = re.compile(r"([\[\]])")
_LINKED = re.compile(r"\]\s*[(\[:]")
_LINK = re.compile(r"(?i)\b(https?|ftp|www)([:.])")


def to_text(report: Contents) -> str:
    """The whole report."""
    lines = [f"# {escape(report.title)}", "", f"**{escape(report.headline)}**", ""]
    for said in report.verdicts:
        figure = f": {escape(said.figure)}" if said.figure else ""
        lines.append(
            f"- {escape(said.protocol)}. **{escape(said.headline)}**{figure}. {_joined(said.details)}"
        )
        if said.warning:
            lines.append(f"  **{escape(said.warning)}**")
    lines.append("")
    if report.summary is not None:
        lines += _sheet(report.summary)
    for title, sheets in report.protocols:
        lines += [f"## {escape(title)}", ""]
        for sheet in sheets:
            lines += _sheet(sheet, level=3)
    for sheet in report.rest:
        lines += _sheet(sheet)
    lines += ["## How to read it", "", *(f"- {escape(text)}" for text in report.method)]
    return "\n".join(lines).rstrip() + "\n"


def escape(text: str) -> str:
    """`text` so that Markdown shows it as it is, on one line."""
    text = _SPECIAL.sub(r"\\\1", visible(text))
    if _LINKED.search(text):
        text = _BRACKETS.sub(r"\\\1", text)
    # bare addresses become links in many dialects: a zero-width space stops that
    return _LINK.sub("\\1\u200b\\2", text)


def _joined(texts: Iterable[str]) -> str:
    return " ".join(escape(text) for text in texts)


def _sheet(sheet: Sheet, level: int = 2) -> list[str]:
    # a group that stands in the heads of several columns of the same title has to be said
    titles = [head.title for head in sheet.head]
    lines = [f"{'#' * level} {escape(sheet.title)}", ""]
    named = list(dict.fromkeys(head.group for head in sheet.head if head.group))
    letters = {group: chr(ord("A") + at) for at, group in enumerate(named)}
    repeated = len(named) > 1 and len(set(titles)) < len(titles)
    if repeated:
        lines += ["; ".join(f"{letters[group]}: {escape(group)}" for group in named) + ".", ""]
    heads = [
        escape(head.title) + (f" ({letters[head.group]})" if repeated and head.group else "")
        for head in sheet.head
    ]
    lines.append("| " + " | ".join(heads) + " |")
    lines.append("|" + "".join(" ---: |" if head.numeric else " --- |" for head in sheet.head))
    lines += ["| " + " | ".join(_cell(cell) for cell in row) + " |" for row in sheet.rows]
    lines += ["", *(f"- {escape(note)}" for note in sheet.notes), ""]
    return lines


def _cell(cell: Cell) -> str:
    text = escape(cell.text)
    if cell.mark == "best":
        text = f"**{text}**"
    if cell.mark == "near":
        text = f"≈ {text}"
    return f"{text} {escape(cell.under)}".strip()
