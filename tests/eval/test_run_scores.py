"""Scoring run files: worked cases, everything counted, every fault named by file and line."""

import csv
import gzip
import json
import random
import subprocess
import sys

import numpy as np
import pytest

from eval.judging import judge
from eval.measures import our_name
from eval.run_columns import read_judgements, read_run_columns
from eval.run_results import write_per_query
from eval.run_scores import score_runs
from eval.runs import read_qrels, read_run
from retriever.cli import main
from retriever.errors import InputError

QRELS = "q1 0 a 1\nq1 0 b 0\nq2 0 a 2\nq2 0 c 1\nq3 0 a 0\nq4 0 x 1\n"
RUN = "q2 Q0 c 1 9 t\nq1 Q0 b 1 2.5 t\nq1 Q0 a 2 1e-1 t\nq2 Q0 z 2 8 t\nq3 Q0 a 1 1 t\nq9 Q0 a 1 1 t\n"


@pytest.fixture
def files(tmp_path):
    (tmp_path / "qrels").write_text(QRELS)
    (tmp_path / "a.run").write_text(RUN)
    return tmp_path


def test_a_worked_case(files):
    found = score_runs(files / "qrels", [files / "a.run"], ["AP", "RR", "P@1", "R@2", "nDCG@2"], resamples=20)
    (run,) = found.runs
    assert found.queries == ("q1", "q2", "q4") and found.n_relevant == (1, 2, 1)
    assert (run.missing, run.unjudged, found.without_relevant) == (("q4",), ("q9",), ("q3",))
    assert (run.n_rows, run.n_unjudged_documents, run.without_relevant, run.tag) == (6, 1, 1, "t")
    # q1: b, a(relevant). q2: c(grade 1), z; a (grade 2) is not ranked. q4: nothing
    assert run.values["AP"].tolist() == [1 / 2, (1 / 1) / 2, 0]
    assert run.values["RR"].tolist() == [1 / 2, 1, 0]
    assert run.values["P@1"].tolist() == [0, 1, 0]
    assert run.values["R@2"].tolist() == [1, 1 / 2, 0]
    discount = 1 / np.log2(3)
    assert run.values["nDCG@2"] == pytest.approx([discount, 1 / (2 + discount), 0])
    assert run.mean["AP"].mean == pytest.approx((1 / 2 + 1 / 2) / 3)


def test_files_and_dictionaries_give_the_same(files):
    names = ["AP", "RR", "P@1", "R@2", "nDCG@2", "nDCG", "Hit@1"]
    for ties in ("expected", "optimistic", "pessimistic", "trec"):
        found = score_runs(files / "qrels", [files / "a.run"], names, ties=ties, resamples=20)
        judged = judge(read_qrels(files / "qrels"), read_run(files / "a.run"), names, ties)
        for name in names:
            assert dict(zip(found.queries, found.runs[0].values[name], strict=True)) == judged.values[name]
        assert judged.missing == found.runs[0].missing


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("\n", "\r\n").encode(),
        lambda text: b"\xef\xbb\xbf" + text.encode(),
        lambda text: text.replace(" ", "\t").rstrip().encode(),
        lambda text: ("\n\n" + text.replace("\n", "  \n\n")).encode(),
        lambda text: gzip.compress(text.encode()),
        lambda text: gzip.compress(b"\xef\xbb\xbf" + text.encode()),
    ],
    ids=["CRLF", "BOM", "tabs", "blank lines", "gzip", "gzip with BOM"],
)
def test_other_tools_write_files_in_many_ways(files, change):
    expected = score_runs(files / "qrels", [files / "a.run"], ["AP"], resamples=20).runs[0].values["AP"]
    for name in ("qrels", "a.run"):
        path = files / name
        path.write_bytes(change(path.read_text()))
    assert score_runs(files / "qrels", [files / "a.run"], ["AP"], resamples=20).runs[0].values[
        "AP"
    ].tolist() == (expected.tolist())
    assert read_run(files / "a.run")["q2"] == {"c": 9.0, "z": 8.0}


@pytest.mark.parametrize(
    "content, words",
    [
        (b"q Q0 d 1 0.5", r"line 1: 5 columns \(q Q0 d 1 0.5\); expected 6"),
        (b"q Q0 d 1 0.5 t\nq Q0 two words 1 0.5 t\n", "line 2: 7 columns"),
        (b"q Q0 d 1 high t", "line 1: score is 'high'; expected a finite number"),
        (b"q Q0 d 1 nan t", "line 1: score is 'nan'"),
        (b"q Q0 d 1 -inf t", "line 1: score is '-inf'"),
        (b"q Q0 d 1 1e999 t", "line 1: score is '1e999'"),
        (b"q Q0 d 1 1_0 t", "line 1: score is '1_0'"),
        (
            b"q Q0 d 1 1 t\np Q0 d 1 1 t\nq Q0 d 2 0 t\n",
            "line 3: 'd' is ranked twice for query 'q', first on line 1",
        ),
        (b"x Q0 d 1 1 t\nx Q0 d 2 0 t\n", "line 2: 'd' is ranked twice for query 'x'"),
        (b"", "has no row"),
        (b"\n \n", "has no row"),
        ("q Q0 d 1 1 t".encode("utf-16"), "UTF-16"),
        (gzip.compress(b"q Q0 d 1 1 t\n" * 9)[:-9], "damaged gzip"),
        (gzip.compress(random.Random(0).randbytes(9999), mtime=0)[:300] + b"x" * 300, "damaged gzip|columns"),
        (b"\xff\xff\xff", "1 columns"),
    ],
)
def test_broken_runs(files, content, words):
    (files / "a.run").write_bytes(content)
    judged = read_judgements(files / "qrels")
    with pytest.raises(InputError, match=words) as found:
        read_run_columns(files / "a.run", judged)
    assert "a.run" in str(found.value)


@pytest.mark.parametrize(
    "content, words",
    [
        ("q 0 d", r"line 1: 3 columns \(q 0 d\); expected 4"),
        ("q 0 d 1.0", "line 1: relevance is '1.0'; expected a whole number"),
        ("q 0 d +", "relevance is '\\+'"),
        ("q 0 d " + "9" * 5000, "relevance is '999"),
        ("q 0 d 1\nq 0 d 0", "line 2: 'd' is judged twice for query 'q'"),
        ("", "has no row"),
        ("q 0 d 0\n", "no relevant document for any of its 1 queries"),
    ],
)
def test_broken_qrels(files, content, words):
    (files / "qrels").write_text(content)
    with pytest.raises(InputError, match=words):
        score_runs(files / "qrels", [files / "a.run"], ["AP"])


def test_every_prefix_of_a_run_is_refused_or_scored(files):
    """A file that was cut off anywhere: an error in words, or the rows that are there; never a crash."""
    judged = read_judgements(files / "qrels")
    kinds = set()
    for end in range(len(RUN)):
        (files / "cut.run").write_text(RUN[:end])
        try:
            kinds.add(len(read_run_columns(files / "cut.run", judged).score))
        except InputError as error:
            assert "cut.run" in str(error)
            kinds.add("refused")
    assert kinds == {"refused", 1, 2, 3, 4, 5, 6}


def test_bytes_changed_at_random_are_refused_in_words_or_scored(files):
    rng = np.random.default_rng(5)
    refused = 0
    for _ in range(400):
        for name, text in (("qrels", QRELS), ("a.run", RUN)):
            content = bytearray(text.encode())
            for _ in range(int(rng.integers(0, 4))):
                content[int(rng.integers(len(content)))] = int(rng.integers(256))
            (files / name).write_bytes(bytes(content))
        try:
            found = score_runs(files / "qrels", [files / "a.run"], ["AP", "nDCG"], ties="trec", resamples=5)
        except InputError as error:
            refused += 1
            assert "a.run" in str(error) or "qrels" in str(error)
        else:
            (run,) = found.runs
            assert all(((values >= 0) & (values <= 1)).all() for values in run.values.values())
            assert json.loads(json.dumps(found.as_dict()))["n_queries"] == len(found.queries)
    assert 50 < refused < 350


def test_names_of_other_tools():
    assert [our_name(name) for name in ("map", "recip_rank", "ndcg", "ndcg_cut_10", "P_5", "recall_100")] == [
        "AP", "RR", "nDCG", "nDCG@10", "P@5", "R@100",
    ]  # fmt: skip
    assert [our_name(name) for name in ("success_1", "Success@1", "map_cut_5", "P@3", "x_1")] == [
        "Hit@1", "Hit@1", "AP@5", "P@3", "x_1",
    ]  # fmt: skip


def many(tmp_path, n):
    lines, good, bad = [], "", ""
    for q in range(n):
        lines.append(f"q{q} 0 right 1\n")
        good += f"q{q} Q0 right 1 2 t\nq{q} Q0 wrong 2 1 t\n"
        bad += f"q{q} Q0 right 2 1 t\nq{q} Q0 wrong 1 2 t\n"
    (tmp_path / "qrels").write_text("".join(lines))
    (tmp_path / "good.run").write_text(good)
    (tmp_path / "bad.run").write_text(bad)
    (tmp_path / "same.run").write_text(good)


def test_tests_between_runs(tmp_path):
    many(tmp_path, 12)
    runs = [tmp_path / f"{name}.run" for name in ("good", "bad", "same")]
    found = score_runs(tmp_path / "qrels", runs, ["RR", "P@1"])
    assert [(test.system, test.other) for test in found.tests["P@1"]] == [
        ("good", "bad"), ("good", "same"), ("bad", "same"),
    ]  # fmt: skip
    first, second, third = found.tests["P@1"]
    # all twelve signs the same way: 2 of 2^12 assignments are as extreme; Holm multiplies by 3, then 2
    assert first.p == pytest.approx(2 / 4096) and first.p_holm == pytest.approx(3 * 2 / 4096)
    assert (second.mean, second.p_holm, second.ties) == (0.0, 1.0, 12)
    assert (third.mean, third.losses) == (-1.0, 12)
    only = score_runs(tmp_path / "qrels", runs[:1], ["RR"], baselines=[runs[1], runs[2]])
    assert [run.name for run in only.runs] == ["good", "bad", "same"]
    assert {(test.system, test.other) for test in only.tests["RR"]} == {
        ("good", "bad"), ("same", "bad"), ("good", "same"),
    }  # fmt: skip


def test_per_query_csv_has_all_digits_and_all_queries(files):
    (files / "b.run").write_text("q1 Q0 a 1 1 t\n")
    names = ["AP", "nDCG@2"]
    found = score_runs(files / "qrels", [files / "a.run", files / "b.run"], names, resamples=20)
    write_per_query(files / "out" / "per.csv", found)
    rows = list(csv.DictReader((files / "out" / "per.csv").open(encoding="utf-8", newline="")))
    assert [(row["run"], row["query"], row["missing"]) for row in rows] == [
        ("a", "q1", "0"), ("a", "q2", "0"), ("a", "q4", "1"),
        ("b", "q1", "0"), ("b", "q2", "1"), ("b", "q4", "1"),
    ]  # fmt: skip
    for at, row in enumerate(rows):
        for name in names:
            assert float(row[name]) == found.runs[at // 3].values[name][at % 3]


def test_the_command(files, capsys):
    (files / "b.run").write_text("q1 Q0 a 1 1 t\n")
    base = ["score", "--run", str(files / "a.run"), "--qrels", str(files / "qrels")]
    assert main([*base, "--run", str(files / "b.run"), "--per-query", str(files / "x.csv")]) == 0
    shown = capsys.readouterr()
    assert "a has nothing for 1 query (q4): counted as 0" in shown.out
    assert "b has nothing for 2 queries (q2, q4): counted as 0" in shown.out
    assert "left out, nothing relevant: 1 query (q3)" in shown.out
    assert ["n", "3", "3"] in [line.split() for line in shown.out.splitlines()]
    assert "a over b" in shown.out and "Holm" in shown.out and "x.csv" in shown.err
    assert main([*base, "--measures", "map,P_1", "--measures", "RR", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {name: value["mean"] for name, value in told["runs"][0]["mean"].items()} == {
        "AP": pytest.approx(1 / 3), "P@1": pytest.approx(1 / 3), "RR": pytest.approx(1 / 2),
    }  # fmt: skip
    assert told["runs"][0]["missing"] == ["q4"] and told["n_queries"] == 3
    for wrong, words in (
        ([*base, "--measures", "NDCG@5"], "there is no measure 'NDCG@5'"),
        ([*base, "--run", str(files / "a.run")], "given twice"),
        (["score", "--run", str(files / "no.run"), "--qrels", str(files / "qrels")], "cannot be read"),
        (["score", "--run", str(files), "--qrels", str(files / "qrels")], "cannot be read"),
        ([*base, "--per-query", str(files)], "cannot be written"),
        (["score", "--run", str(files / "qrels"), "--qrels", str(files / "qrels")], "line 1: 4 columns"),
    ):
        assert main(wrong) == 2
        refused = capsys.readouterr()
        assert words in refused.err and refused.err.count("\n") == 1 and refused.out == ""


def test_many_runs_stand_in_rows_and_their_main_test_is_shown(tmp_path, capsys):
    many(tmp_path, 4)
    runs = []
    for number in range(9):
        path = tmp_path / f"[b]run{number}.run"  # no markup
        path.write_bytes((tmp_path / ("good.run" if number % 2 else "bad.run")).read_bytes())
        runs += ["--run", str(path)]
    assert main(["score", *runs, "--qrels", str(tmp_path / "qrels")]) == 0
    shown = capsys.readouterr().out
    assert "[b]run8" in shown and "[b]run0 over [b]run1" in shown
    rows = [line.split() for line in shown.splitlines()]
    assert next(row[:4] for row in rows if row[:1] == ["[b]run1"]) == ["[b]run1", "4", "1.0000", "0.3333"]
    assert sum(row[:1] == ["AP"] for row in rows) == 9 * 8 / 2 and not any(row[:1] == ["RR"] for row in rows)
    assert "the tests of the other measures: --json" in shown


def test_memory_grows_by_tens_of_bytes_a_row(tmp_path):
    """200,000 more rows cost less than 100 bytes each, measured from outside."""
    script = (
        "import resource, sys; from pathlib import Path; from eval.run_scores import score_runs;"
        "at = Path(sys.argv[1]); score_runs(at / 'qrels', [at / sys.argv[2]], ['AP'], resamples=20);"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    (tmp_path / "qrels").write_text("".join(f"q{q} 0 d{q} 1\n" for q in range(100)))
    peak = {}
    for n in (100, 2100):
        with (tmp_path / f"{n}.run").open("w") as file:
            for q in range(100):
                file.writelines(
                    f"q{q} Q0 a-document-with-a-long-name-{d} 0 {d * 0.37:.4f} t\n" for d in range(n)
                )
        done = subprocess.run(
            [sys.executable, "-c", script, str(tmp_path), f"{n}.run"],
            capture_output=True,
            text=True,
            check=True,
        )
        peak[n] = int(done.stdout) * 1024
    assert peak[2100] - peak[100] < 100 * 200_000
