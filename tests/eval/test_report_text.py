"""Markdown, LaTeX and CSV of hostile text: what others wrote stays text."""

import csv
import io
import re

import pytest
from report_worlds import hostile_world, plain_world, rich_world

from eval.report_page import csv_files
from eval.report_page.columns import iterate
from eval.report_page.findings import read_findings
from eval.report_page.latex import escape as escape_latex
from eval.report_page.latex import to_latex
from eval.report_page.markdown import escape as escape_markdown
from eval.report_page.markdown import to_text
from eval.report_page.sections import contents
from eval.report_page.sheet import interval_text, p_text, percent, points


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    folder, report = hostile_world(tmp_path_factory.mktemp("hostile"))
    return folder, read_findings(folder, report)


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    folder, report = plain_world(tmp_path_factory.mktemp("plain"))
    return folder, read_findings(folder, report)


def test_numbers_as_people_read_them():
    assert (percent(0.5478), percent(None), percent(float("nan"))) == ("54.8", "", "")
    assert (points(0.112), points(-0.0313), points(-0.0001), points(0.0)) == ("+11.2", "−3.1", "0.0", "0.0")
    assert interval_text(-0.01, 0.02, signed=True) == "[−1.0, +2.0]" and interval_text(None, 1.0) == ""
    assert (p_text(0.0002), p_text(0.05)) == ("<0.001", "0.050")


def test_markdown_is_text(hostile):
    text = to_text(contents(hostile[1]))
    assert "script" in text and not re.search(r"(?<!\\)<|(?<!\\)\]\(|https?://", text)
    tables = re.findall(r"(?:^\|.*\n)+", text, flags=re.MULTILINE)
    assert len(tables) > 8
    for table in tables:
        widths = {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}
        assert len(widths) == 1, table
    assert escape_markdown("a|b *c* <d> [e](f)") == r"a\|b \*c\* \<d\> \[e\](f)"


def test_latex_is_text(hostile):
    text = to_latex(contents(hostile[1]))
    assert r"\input{/etc" not in text and r"\textbackslash{}input\{/etc/passwd\}" in text
    assert escape_latex("50% of $x_1$ & a--b [c] \\d") == (
        r"50\% of \$x\_1\$ \& a-{}-b {[}c{]} \textbackslash{}d"
    )
    body = text.replace(r"\%", "")
    assert "%" not in body.partition(r"\begin{table}")[2].replace("{!}{%", "")
    for table in re.findall(r"\\begin\{tabular\}\{([lr]+)\}(.*?)\\end\{tabular\}", text, flags=re.DOTALL):
        rows = [row for row in table[1].splitlines() if row.endswith(r"\\") and "multicolumn" not in row]
        assert rows and {len(re.findall(r"(?<!\\)&", row)) for row in rows} == {len(table[0]) - 1}


def test_a_spreadsheet_runs_nothing(hostile):
    folder, findings = hostile
    lines = list(csv_files.per_query_lines(iterate(folder, findings.report.n_rows), findings))
    rows = list(csv.DictReader(io.StringIO("".join(lines))))
    assert len(rows) == 3 * 5 * findings.report.n_rows
    for row in rows:
        for name, cell in row.items():
            assert not cell.startswith(("=", "+", "@")), (name, cell)
            assert not cell.startswith("-") or name in findings.report.protocols[0].chance.mean
    assert any(row["system"] == '\'=HYPERLINK("http://evil","x")' for row in rows)
    assert csv_files.safe(" =1+1") == "' =1+1" and csv_files.safe("\t@x") == "'\t@x"
    assert csv_files.safe(-0.5) == -0.5 and csv_files.safe(True) == 1 and csv_files.safe(None) == ""


def test_csv_holds_what_the_report_says(plain):
    folder, findings = plain
    rows = list(csv.DictReader(io.StringIO("".join(csv_files.system_lines(findings)))))
    for result in findings.report.protocols:
        for system in (result.chance, *result.systems):
            for measure, mean in system.mean.items():
                key = (result.protocol, system.name, measure)
                (row,) = [row for row in rows if (row["protocol"], row["system"], row["measure"]) == key]
                assert float(row["mean"]) == mean and int(row["n"]) == result.n_queries
                if system.name != "chance":
                    assert float(row["low"]) - 1e-9 <= mean <= float(row["high"]) + 1e-9
                assert (row["baseline"] == "") == (system.name in ("chance", "most frequent label"))
    queries = list(
        csv.DictReader(io.StringIO("".join(csv_files.per_query_lines(iterate(folder, 999), findings))))
    )
    mine = [row for row in queries if (row["protocol"], row["system"]) == ("candidates", "noise")]
    mean = findings.report.protocol("candidates").system("noise").mean["R@1"]
    assert sum(float(row["R@1"]) for row in mine) / len(mine) == pytest.approx(mean)


def test_no_query_vanishes(tmp_path):
    import json

    from eval_worlds import LIBRARY, noise, rows

    from eval.harness import evaluate

    lines = [row if at % 2 else {**row, "candidates": None} for at, row in enumerate(rows(10))]
    path = tmp_path / "half.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"utterances": []}\n')
    report = evaluate(path, LIBRARY, lambda c: {"noise": noise(c)}, out=tmp_path / "out", show_progress=False)
    written = list(csv.DictReader((tmp_path / "out" / "per_query.csv").open(encoding="utf-8", newline="")))
    candidates = [row for row in written if row["protocol"] == "candidates"]
    assert len(candidates) == 10 == len({row["query"] for row in candidates})
    assert sum(row["skipped"] == "no candidates" for row in candidates) == 5
    text = (tmp_path / "out" / "report.md").read_text(encoding="utf-8")
    assert "| candidates: queries left out | 5 | no candidates |" in text
    assert "| rows that could not be read | 1 |" in text and report.n_rows == 10


def test_published_rows_stand_beside_ours(tmp_path):
    from dataclasses import replace

    folder, report = plain_world(tmp_path, 40)
    assert not any(s.key.startswith("published") for s in contents(read_findings(folder, report)).rest)
    findings = read_findings(folder, replace(report, dataset="stickerchat"))
    (sheet,) = [sheet for sheet in contents(findings).rest if sheet.key == "published-candidates"]
    titles = [head.title for head in sheet.head]
    rows = {row[0].text: row for row in sheet.rows}
    ours = findings.report.protocol("candidates").system("knows").mean["AP"]
    assert rows["knows"][titles.index("MAP")].text == percent(ours)
    # PBR, Table 1
    assert rows["Ours* (ViT+BERT)"][titles.index("MAP")].text == "79.2"
    assert rows["Ours* (ViT+BERT)"][0].mark == "published"


def test_costs_are_printed(tmp_path):
    folder, report = rich_world(tmp_path, 30)
    findings = read_findings(folder, report)
    (sheet,) = [sheet for sheet in contents(findings).rest if sheet.key == "costs"]
    assert [head.title for head in sheet.head][-1] == "Price"
    assert {row[0].text for row in sheet.rows} == set(report.costs)
    assert {row[2].text for row in sheet.rows} == {"0.50", "1.50", "4.50"}
