"""Every figure that the data of a report allows, and a line for each that it does not."""

from collections.abc import Iterator

from eval.report_page.figures.by_label import draw_labels
from eval.report_page.figures.cost import draw_price, draw_time
from eval.report_page.figures.forest import draw_forest
from eval.report_page.figures.groups import draw_sentiment, draw_split, draw_utterances
from eval.report_page.figures.pr_curves import draw_curves
from eval.report_page.figures.style import Drawing, looks
from eval.report_page.findings import Findings

__all__ = ["draw_all"]


def draw_all(findings: Findings) -> tuple[list[Drawing], list[str]]:
    """Figures in the order in which they are read, and why others are not there.

    Raises:
        MissingExtra: matplotlib is not installed.
    """
    drawn: list[Drawing] = []
    absent: dict[str, None] = {}
    for figure in _figures(findings):
        if isinstance(figure, str):
            absent[figure] = None
        else:
            drawn.append(figure)
    return drawn, list(absent)


def _figures(findings: Findings) -> Iterator[Drawing | str]:
    judged = [found for found in findings.protocols if found.main is not None]
    if not judged:
        yield "No query could be judged, so there is nothing to draw."
        return
    contenders = list(dict.fromkeys(name for found in judged for name in found.contenders))
    styles = looks([*findings.systems, *findings.report.costs], contenders)
    for found in judged:
        yield draw_forest(found, styles)
    labelled = [found for found in judged if found.result.label or found.columns.curves]
    for found in labelled:
        yield draw_curves(found, styles)
    if not labelled:
        yield "Precision against recall: no protocol judged by label."
    for found in labelled or judged[:1]:
        yield draw_labels(findings, found, styles)
    first = judged[0]
    columns = findings.columns
    yield draw_utterances(findings, first, styles)
    yield draw_sentiment(findings, first, styles)
    yield draw_split(
        findings, first, styles, key="text", title="Stickers with and without text",
        names=("gold without text", "gold with text"), known=columns.verbal,
        absent="the records do not tell both kinds apart",
    )  # fmt: skip
    yield draw_split(
        findings, first, styles, key="unseen", title="Stickers seen and unseen in training",
        names=("gold seen in training", "gold unseen"), known=columns.unseen,
        absent="the records do not tell both kinds apart",
    )  # fmt: skip
    yield draw_time(findings, first, styles)
    if any(cost.price_per_1000 is not None for cost in findings.report.costs.values()):
        yield draw_price(findings, first, styles)
    else:
        yield "Price against quality: no prices were given."
