"""Tables of what came out: the summary over all protocols, all measures of each, and the tests."""

from collections.abc import Sequence

from eval.paired import PairedTest
from eval.report_page.findings import Findings, ProtocolFindings
from eval.report_page.sheet import Cell, Head, Mark, Sheet, cell, interval_text, p_text, percent, points
from eval.report_page.titles import (
    REFERENCES,
    key_measures,
    measure_help,
    measure_title,
    protocol_title,
)
from eval.results import ProtocolResult
from eval.significance import Difference

__all__ = ["lead_sheet", "measure_sheet", "summary_sheet", "test_sheet"]

_CELL_NOTE = "Percent; below each mean its 95 % bootstrap interval."
_MARK_NOTE = (
    "Bold: the highest of the contenders. ≈: by the corrected tests not clearly below the leader "
    "(first measure of a protocol only). ?: not clearly above chance."
)


def summary_sheet(findings: Findings) -> Sheet:
    """Every system, the key measures of every protocol side by side."""
    judged = [found for found in findings.protocols if found.main is not None]
    head = [Head("System", numeric=False)]
    for found in judged:
        group = protocol_title(found.result)
        head.append(Head("n", group, help="queries judged"))
        head += [
            Head(measure_title(found.result, name), group, help=measure_help(found.result, name))
            for name in key_measures(found.result)
        ]
    rows = []
    for system in [*findings.systems, "chance"]:
        row = [_name(system)]
        for found in judged:
            row += [_n(found, system), *(_value(found, system, m) for m in key_measures(found.result))]
        rows.append(tuple(row))
    return Sheet("summary", "All systems, all protocols", tuple(head), tuple(rows), (_CELL_NOTE, _MARK_NOTE))


def measure_sheet(found: ProtocolFindings) -> Sheet:
    """Every measure of one protocol, and the macro averages of the key ones."""
    result = found.result
    measures = list(result.chance.mean)
    macro = [name for name in key_measures(result) if name in result.chance.macro]
    over_labels = f"mean over {result.n_labels} labels"
    head = (
        Head("System", numeric=False),
        Head("n", help="queries judged"),
        *(
            Head(measure_title(result, m), "mean over queries", help=measure_help(result, m))
            for m in measures
        ),
        *(Head("macro " + measure_title(result, m), over_labels) for m in macro),
    )
    names = [*found.contenders, *(s.name for s in result.systems if s.name in REFERENCES), "chance"]
    rows = tuple(
        (
            _name(name),
            _n(found, name),
            *(_value(found, name, m) for m in measures),
            *(_macro(found, name, m) for m in macro),
        )
        for name in names
    )
    notes = [_CELL_NOTE, _MARK_NOTE]
    if result.n_relevant > 1:
        notes.append(
            f"{result.n_relevant:,.1f} stickers are right, in the mean, of {_ranked(result)} ranked."
        )
    notes += [f"{name} took no part: {why}." for name, why in result.not_judged.items()]
    return Sheet(
        f"measures-{result.protocol}", "All measures", head, rows, tuple(notes), protocol_title(result)
    )


def lead_sheet(found: ProtocolFindings) -> Sheet | None:
    """The best contender held against every other, or None where there is no other."""
    if found.main is None or found.best is None or len(found.contenders) < 2:
        return None
    measure = measure_title(found.result, found.main)
    tests = [test for name in found.contenders[1:] if (test := found.lead(name)) is not None]
    rows = tuple((cell(test.other), *_test_cells(test)) for test in tests)
    return Sheet(
        f"lead-{found.result.protocol}",
        f"{found.best}, the highest in {measure}, against the others",
        (Head("Over", numeric=False), *_TEST_HEAD),
        rows,
        (
            _P_NOTE
            + _family(len(found.pairs), "pair of contenders", "pairs of contenders: any might have led"),
        ),
        protocol_title(found.result),
    )


def test_sheet(findings: Findings, found: ProtocolFindings) -> Sheet | None:
    """Every system against the baselines on the key measures, or None without a baseline."""
    measures = [m for m in key_measures(found.result) if found.tests.get(m)]
    if not measures:
        return None
    several = len(findings.baselines) > 1
    rows = []
    for measure in measures:
        order = {name: at for at, name in enumerate(findings.systems)}
        for test in sorted(
            found.tests[measure], key=lambda t: (findings.baselines.index(t.other), order[t.system])
        ):
            row = [cell(measure_title(found.result, measure)), cell(test.system)]
            rows.append((*row, *([cell(test.other)] if several else []), *_test_cells(test)))
    over = "the baselines" if several else findings.baselines[0]
    head = [Head("Measure", numeric=False), Head("System", numeric=False)]
    head += [Head("Over", numeric=False)] if several else []
    family = len(found.tests[measures[0]])
    return Sheet(
        f"tests-{found.result.protocol}",
        f"Paired tests over {over}",
        (*head, *_TEST_HEAD),
        tuple(rows),
        (_P_NOTE + _family(family, "test of a measure", "tests of the same measure"),),
        protocol_title(found.result),
    )


_P_NOTE = "p: paired randomisation test, two-sided. "


def _family(n: int, one: str, many: str) -> str:
    if n == 1:
        return f"There is one {one}, so Holm's correction changes nothing."
    return f"Holm: corrected for all {n} {many}."


_TEST_HEAD = (
    Head("n", help="queries"),
    Head("Difference, points", help="mean difference and its 95 % bootstrap interval, not corrected"),
    Head("Better / equal / worse", help="queries on which it is above, equal, below"),
    Head("p"),
    Head("p, Holm"),
    Head("Beyond noise", numeric=False),
)


def _test_cells(test: PairedTest) -> tuple[Cell, ...]:
    said = "no" if not test.is_clear() else ("yes" if test.mean > 0 else "yes, below")
    return (
        cell(f"{test.n:,}"),
        cell(points(test.mean), interval_text(test.low, test.high, signed=True)),
        cell(f"{test.wins:,} / {test.ties:,} / {test.losses:,}"),
        cell(p_text(test.p)),
        cell(p_text(test.p_holm)),
        cell(said, mark="" if test.is_clear() else "low"),
    )


def _name(system: str) -> Cell:
    return cell(system, mark="reference" if system in REFERENCES else "")


def _n(found: ProtocolFindings, system: str) -> Cell:
    if system in found.result.not_judged:
        return cell("–")
    n = next((s.n for s in found.result.systems if s.name == system), 0) or found.result.n_queries
    return cell(f"{n:,}" if _has(found.result, system) else "–")


def _has(result: ProtocolResult, system: str) -> bool:
    return any(s.name == system and s.mean for s in (result.chance, *result.systems))


def _value(found: ProtocolFindings, system: str, measure: str) -> Cell:
    if not _has(found.result, system):
        return cell("–", mark="skipped")
    result = found.result.system(system)
    mean = result.mean.get(measure)
    if mean is None:
        return cell("–", mark="skipped")
    interval = found.intervals.get(system, {}).get(measure)
    under = "" if interval is None else interval_text(interval.low, interval.high)
    unsure = _unsure(found, result.over_chance.get(measure), measure)
    return cell(percent(mean) + unsure, under, _mark(found, system, measure))


def _macro(found: ProtocolFindings, system: str, measure: str) -> Cell:
    if not _has(found.result, system):
        return cell("–", mark="skipped")
    result = found.result.system(system)
    interval = found.intervals.get(system, {}).get(measure)
    under = "" if interval is None else interval_text(interval.macro_low, interval.macro_high)
    values = {name: found.result.system(name).macro.get(measure, -1.0) for name in found.contenders}
    best = system in values and values[system] == max(values.values())
    unsure = _unsure(found, result.over_chance.get(measure), measure, macro=True)
    return cell(percent(result.macro.get(measure)) + unsure, under, "best" if best else _plain(system))


def _unsure(found: ProtocolFindings, over: Difference | None, measure: str, macro: bool = False) -> str:
    # nothing can be above a chance of 100 %
    if over is None or found.result.chance.mean[measure] > 1 - 1e-9:
        return ""
    low = over.macro_low if macro else over.low
    return "" if low is None or low > 0 else "?"


def _mark(found: ProtocolFindings, system: str, measure: str) -> Mark:
    means = {name: found.result.system(name).mean.get(measure, -1.0) for name in found.contenders}
    if system not in means:
        return _plain(system)
    if means[system] == max(means.values()):
        return "best"
    if measure == found.main:
        lead = found.lead(system)
        if lead is not None and not lead.is_clear():
            return "near"
    return ""


def _plain(system: str) -> Mark:
    return "reference" if system in REFERENCES else ""


def _ranked(result: ProtocolResult) -> str:
    least, most = result.n_ranked
    return f"{least:,}" if least == most else f"{least:,} to {most:,}"


def sheets_of(found: ProtocolFindings, findings: Findings) -> Sequence[Sheet]:
    """All tables of one protocol."""
    if found.main is None:
        return ()
    sheets = [measure_sheet(found), lead_sheet(found), test_sheet(findings, found)]
    return [sheet for sheet in sheets if sheet is not None]
