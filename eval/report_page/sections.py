"""The tables of a report in the order in which they are read."""

from collections.abc import Sequence
from dataclasses import dataclass

from eval.report_page.context_sheets import cost_sheet, left_out_sheet, provenance_sheet, published_sheets
from eval.report_page.findings import Findings, ProtocolFindings
from eval.report_page.result_sheets import sheets_of, summary_sheet
from eval.report_page.sheet import Sheet
from eval.report_page.titles import protocol_title
from eval.report_page.verdicts import Verdict, headline, verdict

__all__ = ["METHOD", "Contents", "contents"]

METHOD = (
    "A mean is over queries; its interval is a 95 % percentile bootstrap ({resamples:,} resamples, seed "
    "{seed}) over {unit}.",
    "Systems are compared on the same queries by a randomisation test that turns the signs of the "
    "differences around at random, {sign} (two-sided, 10,000 draws; all sign patterns up to 13; its normal "
    "limit beyond 20,000), and p-values are corrected by Holm's method within each table and measure. Beyond "
    "noise: corrected p below 0.05.",
    "Equal scores: rule {ties}. Under the rule expected, a measure is its exact mean over all orders of what "
    "is tied, so a scorer that gives every sticker the same score gets exactly chance.",
    "Average precision divides by every right sticker of the whole list, found or not. Precision at k "
    "divides by k, also where fewer were ranked.",
    "Chance is worked out exactly for the same queries. A query that a system has no opinion on counts at "
    "chance; a query that cannot be judged is counted below with its reason; none vanishes.",
)


_UNITS = {
    "dialogue": (
        "whole dialogues, because queries cut out of one are not independent",
        "all of a dialogue together",
    ),
    "query": (
        "queries; where several are cut out of one dialogue they are not independent, and intervals are a "
        "little too narrow",
        "query by query",
    ),
}


@dataclass(frozen=True, slots=True)
class Contents:
    """A report as verdicts and tables.

    Attributes:
        title: dataset and split.
        headline: one sentence.
        verdicts: by protocol.
        summary: systems against protocols; None when nothing was judged.
        protocols: title and tables of each protocol that judged anything.
        rest: published numbers, costs, what was left out, provenance.
        method: how to read it, a paragraph each.
    """

    title: str
    headline: str
    verdicts: tuple[Verdict, ...]
    summary: Sheet | None
    protocols: tuple[tuple[str, tuple[Sheet, ...]], ...]
    rest: tuple[Sheet, ...]
    method: tuple[str, ...]

    @property
    def sheets(self) -> Sequence[Sheet]:
        """All tables, in order."""
        first = [] if self.summary is None else [self.summary]
        return [*first, *(sheet for _, sheets in self.protocols for sheet in sheets), *self.rest]


def contents(findings: Findings) -> Contents:
    """Put a report together."""
    report = findings.report
    unit, sign = _UNITS[report.unit]
    judged = [found for found in findings.protocols if found.main is not None]
    costs = cost_sheet(findings)
    rest = [
        *published_sheets(findings),
        *([costs] if costs else []),
        left_out_sheet(report),
        provenance_sheet(findings),
    ]
    return Contents(
        f"{report.dataset} {report.split}".strip(),
        headline(findings),
        tuple(verdict(found) for found in findings.protocols),
        summary_sheet(findings) if judged else None,
        tuple((_titled(found), tuple(sheets_of(found, findings))) for found in judged),
        tuple(rest),
        tuple(
            text.format(resamples=report.resamples, seed=report.seed, ties=report.ties, unit=unit, sign=sign)
            for text in METHOD
        ),
    )


def _titled(found: ProtocolFindings) -> str:
    return protocol_title(found.result)
