"""A report's tables as LaTeX (booktabs), to be \\input into a paper; one float a table."""

import re

from eval.report_page.sections import Contents
from eval.report_page.sheet import Cell, Sheet
from retriever.visible import visible

__all__ = ["escape", "to_latex"]

_ESCAPES = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%",
    "_": r"\_", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}",
    ">": r"\textgreater{}", "|": r"\textbar{}", '"': r"\textquotedbl{}", "≈": r"$\approx$", "−": "$-$",
    "–": "--", "…": r"\ldots{}", "·": r"\textperiodcentered{}", "[": "{[}", "]": "{]}",
    "`": r"\textasciigrave{}", "'": r"\textquotesingle{}", "--": "-{}-", "\N{REPLACEMENT CHARACTER}": "?",
}  # fmt: skip
_TO_ESCAPE = re.compile("|".join(map(re.escape, _ESCAPES)))

_OPENING = r"""% Tables of an evaluation: \input this file. It needs booktabs, graphicx, textcomp and
% \usepackage[T1]{fontenc}; where names are not Latin, XeLaTeX or LuaLaTeX and a font that has them.
"""


def to_latex(report: Contents) -> str:
    """All tables but where the results came from, which is no matter for a paper."""
    sheets = [sheet for sheet in report.sheets if sheet.key not in ("provenance", "left-out")]
    return _OPENING + "\n" + "\n".join(_table(sheet) for sheet in sheets)


def escape(text: str) -> str:
    """`text` so that LaTeX prints it as it is."""
    return _TO_ESCAPE.sub(lambda match: _ESCAPES[match[0]], visible(text))


def _table(sheet: Sheet) -> str:
    columns = "".join("r" if head.numeric else "l" for head in sheet.head)
    lines = [
        r"\begin{table}",
        r"  \centering",
        rf"  \caption{{{escape(f'{sheet.title}. {sheet.context}' if sheet.context else sheet.title)}.}}",
        rf"  \label{{tab:{re.sub(r'[^A-Za-z0-9-]+', '-', sheet.key)}}}",
        r"  \resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%",
        rf"  \begin{{tabular}}{{{columns}}}",
        r"    \toprule",
    ]
    if sheet.groups:
        lines.append("    " + " & ".join(_group(title, width) for title, width in sheet.groups) + r" \\")
        lines.append("    " + _rules(sheet))
    lines.append("    " + " & ".join(escape(head.title) for head in sheet.head) + r" \\")
    lines.append(r"    \midrule")
    lines += ["    " + " & ".join(_cell(cell) for cell in row) + r" \\" for row in sheet.rows]
    lines += [r"    \bottomrule", r"  \end{tabular}}"]
    if sheet.notes:
        notes = " ".join(escape(note) for note in sheet.notes)
        lines.append(
            rf"  \par\smallskip\begin{{minipage}}{{\linewidth}}\footnotesize {notes}\end{{minipage}}"
        )
    return "\n".join([*lines, r"\end{table}", ""])


def _group(title: str, width: int) -> str:
    return rf"\multicolumn{{{width}}}{{c}}{{{escape(title)}}}" if title else ("&" * (width - 1))


def _rules(sheet: Sheet) -> str:
    rules, at = [], 1
    for title, width in sheet.groups:
        if title:
            rules.append(rf"\cmidrule(lr){{{at}-{at + width - 1}}}")
        at += width
    return "".join(rules)


def _cell(cell: Cell) -> str:
    text = escape(cell.text)
    if cell.mark == "best":
        text = rf"\textbf{{{text}}}"
    if cell.mark == "near":
        text = rf"{escape('≈')}\,{text}"
    return text + (rf" {{\scriptsize {escape(cell.under)}}}" if cell.under else "")
