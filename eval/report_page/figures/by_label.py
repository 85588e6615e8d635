"""A measure label by label: where a system is good, and where the mean hides that it is not."""

import numpy as np

from eval.report_page.figures.style import GRID, MUTED, Drawing, Look, canvas, finish, short
from eval.report_page.findings import Findings, ProtocolFindings
from eval.report_page.titles import measure_title, protocol_title
from eval.significance import intervals

__all__ = ["MOST_LABELS", "draw_labels"]

MOST_LABELS = 40


def draw_labels(findings: Findings, found: ProtocolFindings, styles: dict[str, Look]) -> Drawing | str:
    """A bar a label for the best system with its interval, and a mark for each of the others."""
    rows: dict[str, list[int]] = {}
    for row, label in enumerate(found.columns.labels):
        if label is not None:
            rows.setdefault(label, []).append(row)
    if found.main is None or found.best is None or len(rows) < 2:
        return f"By label under {found.result.protocol}: the queries have fewer than two labels."
    main, best = found.main, found.best
    values = {
        name: column[main]
        for name, column in found.columns.values.items()
        if main in column and not np.isnan(column[main]).any()
    }
    if best not in values:
        return f"By label under {found.result.protocol}: {best} was not judged on every query."
    order = sorted(rows, key=lambda label: (-len(rows[label]), label))
    shown, hidden = order[:MOST_LABELS], order[MOST_LABELS:]
    measure = measure_title(found.result, main)
    report = findings.report
    key = f"labels-{found.result.protocol}"
    names = [n for n in values if styles[n].is_coloured or n not in found.contenders]
    grey = len(values) - len(names)
    with canvas(key, height=1.1 + 0.25 * len(shown)) as (figure, axes):
        for place, label in enumerate(shown):
            at = rows[label]
            (span,) = intervals(
                values[best][at][:, None],
                clusters=found.columns.clusters_of(np.asarray(at)),
                resamples=report.resamples,
                seed=report.seed,
            )
            axes.barh(place, 100 * span.mean, height=0.62, color=styles[best].colour, alpha=0.32, linewidth=0)
            axes.plot(
                [100 * span.low, 100 * span.high], [place] * 2, color=styles[best].colour, linewidth=1.6
            )
            for name in names:
                look = styles[name]
                axes.plot([100 * float(values[name][at].mean())], [place], look.marker, color=look.colour,
                          markersize=6 if look.is_coloured else 7)  # fmt: skip
        axes.set_yticks(
            range(len(shown)), [f"{short(label, 24)} (n = {len(rows[label]):,})" for label in shown]
        )
        axes.set_ylim(len(shown) - 0.4, -0.6)
        axes.set_xlim(left=0)
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="x", color=GRID)
        axes.set_xlabel(f"{measure}, %")
        handles = [
            axes.plot([], [], styles[n].marker, color=styles[n].colour, label=short(n, 20), linestyle="none")[
                0
            ]
            for n in sorted(names, key=lambda n: found.contenders.index(n) if n in found.contenders else 99)
        ]
        axes.legend(handles=handles, loc="lower left", bbox_to_anchor=(-0.25, 1), ncols=4, frameon=False,
                    fontsize=8.5, labelcolor="linecolor", handletextpad=0.1, columnspacing=1.2)  # fmt: skip
        axes.spines["left"].set_color(MUTED)
        left = f" Only the {MOST_LABELS} most frequent of {len(order)} labels are drawn." if hidden else ""
        left += f" {grey} systems beyond the first are left out." if grey else ""
        unlabelled = sum(label is None for label in found.columns.labels)
        left += f" {unlabelled:,} queries have no label." if unlabelled else ""
        return finish(
            figure,
            key,
            f"{measure} by label: {protocol_title(found.result)}",
            f"Bars: {best}, with 95 % bootstrap intervals; marks: the systems named above; labels by "
            f"their number of queries. The macro average is the mean over these rows.{left}",
        )
