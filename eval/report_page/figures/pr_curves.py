"""Precision against recall, mean over queries."""

import numpy as np

from eval.report_page.figures.lines import draw_lines
from eval.report_page.figures.style import MUTED, Drawing, Look, canvas, finish
from eval.report_page.findings import ProtocolFindings
from eval.report_page.titles import protocol_title

__all__ = ["draw_curves"]


def draw_curves(found: ProtocolFindings, styles: dict[str, Look]) -> Drawing | str:
    """A line a system through interpolated precision at eleven levels of recall."""
    result = found.result
    order = [s.name for s in result.systems if s.name in found.columns.curves]
    if not order:
        return (
            f"Precision and recall under {result.protocol}: its records hold no curves; they are kept where "
            "relevance is by label."
        )
    names = [n for n in found.contenders if n in order] + [n for n in order if n not in found.contenders]
    share = 100 * result.n_relevant / max(1, sum(result.n_ranked) / 2)
    key = f"precision-recall-{result.protocol}"
    with canvas(key, height=3.9) as (figure, axes):
        recall = list(np.linspace(0, 100, len(found.columns.curves[order[0]])))
        axes.set_xlim(-2, 102)
        grey = draw_lines(
            axes,
            recall,
            {n: 100 * found.columns.curves[n] for n in names},
            styles,
            markers=False,
            least=share,
        )
        axes.axhline(share, color=MUTED, linestyle=(0, (4, 2)), linewidth=1)
        axes.annotate("chance", (0, share), xytext=(2, -3), textcoords="offset points", color=MUTED,
                      fontsize=8.5, va="top")  # fmt: skip
        axes.set_xlabel("recall, %")
        axes.set_ylabel("precision, %")
        more = f" Grey, unnamed: {', '.join(grey)}." if grey else ""
        return finish(
            figure,
            key,
            f"Precision against recall: {protocol_title(result)}",
            f"Interpolated precision at eleven levels of recall, mean over {result.n_queries:,} queries "
            "(every query weighs the same; scores are not compared across queries). Chance: the mean share "
            f"of right stickers.{more}",
        )
