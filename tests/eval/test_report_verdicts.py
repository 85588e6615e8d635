"""Who wins is said as the numbers have it: tested on values whose answer is plain."""

import numpy as np
import pytest

from eval.report_page.columns import Columns, ProtocolColumns
from eval.report_page.findings import analyse
from eval.report_page.result_sheets import lead_sheet, measure_sheet, summary_sheet
from eval.report_page.sections import contents
from eval.report_page.verdicts import headline, verdict
from eval.results import ProtocolResult, Report, SystemResult
from eval.significance import compare
from retriever.errors import InputError


def made(values, baseline=None, chance=0.1, protocol="candidates"):
    """Findings of one protocol from system -> values of one measure."""
    n = len(next(iter(values.values()))) if values else 0
    columns = {name: np.asarray(column, dtype=float) for name, column in values.items()}
    systems = tuple(
        SystemResult(
            name, {"R@1": float(np.nanmean(column))}, n=n,
            over_chance={"R@1": compare(column[~np.isnan(column)][:, None] - chance, resamples=100)[0]},
        )
        for name, column in columns.items()
    )  # fmt: skip
    result = ProtocolResult(
        protocol, n, {} if n else {"no gold": 4}, (10, 10) if n else (0, 0), 1.0, 0,
        SystemResult("chance", {"R@1": chance} if n else {}, n=n), systems, relevance="the gold alone",
    )  # fmt: skip
    report = Report("d", "valid", n, 0, (), None, "expected", baseline, 200, 0, (result,))
    part = ProtocolColumns(
        np.arange(n), (None,) * n, {name: {"R@1": column} for name, column in columns.items()}
    )
    empty = np.full(n, np.nan)
    return analyse(report, Columns(n, empty, empty, empty, empty, {protocol: part}))


def ones(n, of):
    return [1.0] * n + [0.0] * (of - n)


def test_a_clear_winner():
    findings = made(
        {"a": ones(80, 100), "b": ones(40, 100), "most frequent label": ones(30, 100)}, "most frequent label"
    )
    said = verdict(findings.protocols[0])
    assert (said.tone, said.headline, said.warning) == ("win", "a wins", "")
    assert (
        "+40.0 points" in said.details[0]
        and "better on 40 queries, equal on 60, worse on 0" in said.details[0]
    )
    assert "Beyond noise" in said.details[0]
    assert "R10@1 80.0 %" in said.figure and "100 queries" in said.figure
    assert any("over chance (10.0 %)" in line for line in said.details)
    assert any("+50.0 points" in line and "most frequent label" in line for line in said.details)
    assert headline(findings) == "a is the best system, beyond noise."


def test_noise_is_no_win():
    findings = made({"a": ones(41, 100), "b": ones(40, 100), "c": ones(5, 100)})
    said = verdict(findings.protocols[0])
    assert said.tone == "tie" and said.headline == "No clear winner: a leads"
    assert headline(findings) == "a leads, within noise."
    assert "Within noise" in said.details[0] and "p = 1.000 (Holm, 3 pairs)" in said.details[0]
    rows = {row[0].text: row for row in summary_sheet(findings).rows}
    assert rows["a"][2].mark == "best" and rows["b"][2].mark == "near" and rows["c"][2].mark == ""
    assert rows["c"][2].text == "5.0?"  # five of a hundred is not above a chance of ten
    assert rows["a"][1].text == rows["chance"][1].text == "100"


def test_a_reference_never_wins_but_is_not_hidden():
    findings = made({"a": ones(30, 100), "most frequent label": ones(60, 100)}, "most frequent label")
    said = verdict(findings.protocols[0])
    assert said.headline == "a is the only contender"
    assert said.warning == "It is not clearly above most frequent label."
    assert lead_sheet(findings.protocols[0]) is None


def test_only_references_and_nothing_at_all():
    findings = made({"most frequent label": ones(3, 10)})
    assert verdict(findings.protocols[0]).headline == "Only references were measured"
    assert "no contender" in headline(findings)
    nothing = made({})
    said = verdict(nothing.protocols[0])
    assert said.tone == "nothing" and "no gold (4)" in said.details[0]
    assert headline(nothing) == "No query could be judged."
    assert contents(nothing).summary is None


def test_one_query_decides_nothing():
    said = verdict(made({"a": [1.0], "b": [0.0]}).protocols[0])
    assert said.tone == "tie" and "p = 1.000" in said.details[0]


def test_a_system_with_gaps_is_printed_but_not_tested():
    gaps = np.array(ones(50, 100))
    gaps[60:] = np.nan
    findings = made({"a": ones(40, 100), "b": ones(20, 100), "gaps": gaps})
    found = findings.protocols[0]
    assert {test.system for test in found.pairs} | {test.other for test in found.pairs} == {"a", "b"}
    assert found.intervals["gaps"]["R@1"].mean == pytest.approx(50 / 60)
    assert "gaps" in {row[0].text for row in measure_sheet(found).rows}
    # the highest mean is that of the system with gaps: no winner can be named over it
    said = verdict(found)
    assert said.tone == "tie" and "not judged on the same queries" in said.details[0]


def test_thirty_systems_pay_for_being_many():
    rng = np.random.default_rng(0)
    findings = made({f"s{at:02}": (rng.random(200) < 0.3).astype(float) for at in range(30)})
    assert len(findings.protocols[0].pairs) == 435
    assert verdict(findings.protocols[0]).tone == "tie"


def test_several_baselines_are_one_family():
    findings = made({"a": ones(80, 100), "b": ones(40, 100), "c": ones(30, 100)})
    again = analyse(findings.report, findings.columns, ["b", "c"])
    tests = again.protocols[0].tests["R@1"]
    assert [(t.system, t.other) for t in tests] == [("a", "b"), ("c", "b"), ("a", "c")]
    with pytest.raises(InputError, match="no system 'z'"):
        analyse(findings.report, findings.columns, ["z"])


def test_leaders_are_counted_where_they_differ():
    from dataclasses import replace

    a, b = ({"a": ones(x, 100), "b": ones(100 - x, 100)} for x in (52, 49))
    two = made(a), made(b, protocol="exact"), made(a, protocol="library")
    findings = replace(two[0], protocols=tuple(found.protocols[0] for found in two))
    assert headline(findings) == "No system leads under every protocol: a leads 2, b leads 1."
    clear = (
        made({"a": ones(90, 100), "b": ones(5, 100)}),
        made({"a": ones(5, 100), "b": ones(90, 100)}, protocol="exact"),
    )
    findings = replace(clear[0], protocols=tuple(found.protocols[0] for found in clear))
    assert headline(findings) == "It depends on the protocol: a wins candidates and b wins exact."
