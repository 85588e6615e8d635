import math

import numpy as np
import pytest

from eval.judging import judge
from eval.runs import read_qrels, read_run, write_atomically, write_qrels, write_run
from retriever.errors import InputError


def test_floats_come_back_to_the_last_bit(tmp_path):
    rng = np.random.default_rng(0)
    values = [*rng.normal(size=50), *(10.0 ** rng.integers(-300, 300, 50)), 0.1 + 0.2, -0.0, 5e-324, 1e308]
    run = {"q": {f"d{i}": float(value) for i, value in enumerate(values)}}
    write_run(tmp_path / "a.run", run, "tag")
    assert read_run(tmp_path / "a.run") == run


def test_ids_with_spaces_percent_signs_and_other_scripts(tmp_path):
    ids = ["a b", "a%20b", "100%", "表情 包/笑", "\u3000", "tab\there", "line\nend", "\u2028", "Q0"]
    run = {query: dict.fromkeys(ids, 1.0) for query in ids}
    write_run(tmp_path / "a.run", run, "my tag")
    assert read_run(tmp_path / "a.run") == run
    lines = (tmp_path / "a.run").read_text(encoding="utf-8").split("\n")
    assert len(lines) == len(ids) ** 2 + 1 and all(len(line.split()) == 6 for line in lines[:-1])
    qrels = {query: dict.fromkeys(ids, 1) for query in ids}
    write_qrels(tmp_path / "a.qrels", qrels)
    assert read_qrels(tmp_path / "a.qrels") == qrels


def test_what_a_line_looks_like(tmp_path):
    write_run(tmp_path / "a.run", {"q1": {"low": 0.5, "high": 2.0, "also": 2.0}}, "lexical")
    assert (tmp_path / "a.run").read_text() == (
        "q1 Q0 also 1 2.0 lexical\nq1 Q0 high 2 2.0 lexical\nq1 Q0 low 3 0.5 lexical\n"
    )
    write_qrels(tmp_path / "a.qrels", {"q1": {"low": 1}})
    assert (tmp_path / "a.qrels").read_text() == "q1 0 low 1\n"


@pytest.mark.parametrize(
    "text, words",
    [
        ("q Q0 d 1 0.5", "line 1: 5 columns"),
        ("q Q0 d 1 x t", "score is 'x'"),
        ("q Q0 d 1 nan t", "finite"),
        ("q Q0 d 1 inf t", "finite"),
        ("q Q0 d 1 1 t\nq Q0 d 2 0 t", "line 2: 'd' is ranked twice"),
    ],
)
def test_broken_run_files(tmp_path, text, words):
    (tmp_path / "a.run").write_text(text)
    with pytest.raises(InputError, match=words):
        read_run(tmp_path / "a.run")


def test_broken_qrels_and_values(tmp_path):
    (tmp_path / "a.qrels").write_text("q 0 d 1.5")
    with pytest.raises(InputError, match="whole number"):
        read_qrels(tmp_path / "a.qrels")
    (tmp_path / "a.qrels").write_text("q 0 d 1\nq 0 d 0")
    with pytest.raises(InputError, match="judged twice"):
        read_qrels(tmp_path / "a.qrels")
    with pytest.raises(InputError, match="finite"):
        write_run(tmp_path / "a.run", {"q": {"d": math.nan}}, "t")
    with pytest.raises(InputError, match="empty id"):
        write_run(tmp_path / "a.run", {"q": {"": 1.0}}, "t")
    assert [path.name for path in tmp_path.iterdir()] == ["a.qrels"]


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.txt"
    write_atomically(path, ["old"])

    def broken():
        yield "new"
        raise RuntimeError("disk on fire")

    with pytest.raises(RuntimeError):
        write_atomically(path, broken())
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_judging_counts_missing_queries_as_zero():
    qrels = {"a": {"x": 1, "y": 1}, "b": {"x": 1}, "c": {"x": 0}, "d": {"z": 2}}
    run = {"a": {"x": 2.0, "w": 1.0}, "e": {"x": 1.0}, "d": {}}
    judged = judge(qrels, run, ["P@1", "AP", "R@5", "RR"])
    # a: x at rank 1; y is relevant but not ranked, so AP = (1/1)/2 and R@5 = 1/2
    assert judged.values["P@1"] == {"a": 1.0, "b": 0.0, "d": 0.0}
    assert judged.values["AP"] == {"a": 0.5, "b": 0.0, "d": 0.0}
    assert judged.values["R@5"] == {"a": 0.5, "b": 0.0, "d": 0.0}
    assert (judged.missing, judged.without_relevant, judged.unjudged) == (("b", "d"), ("c",), ("e",))


def test_judging_agrees_with_ir_measures_on_incomplete_runs():
    ir_measures = pytest.importorskip("ir_measures")
    rng = np.random.default_rng(2)
    qrels = {f"q{q}": {f"d{d}": int(rng.random() < 0.3) for d in range(20)} | {"d0": 1} for q in range(50)}
    run = {
        f"q{q}": {
            f"d{d}": float(score)
            for d, score in zip(rng.permutation(40)[:15], rng.permutation(15), strict=True)
        }
        for q in range(0, 50, 2)
    }
    names = ["P@1", "P@5", "R@5", "AP", "RR"]
    ours = judge(qrels, run, names).values
    theirs = ir_measures.iter_calc([ir_measures.parse_measure(name) for name in names], qrels, run)
    seen = 0
    for metric in theirs:
        assert ours[str(metric.measure)][metric.query_id] == pytest.approx(metric.value, abs=1e-9)
        seen += 1
    assert seen == 50 * len(names)


@pytest.mark.parametrize("name", ["P", "P@0", "P@-1", "P@x", "P@²", "nDCG@", "R", "Hit", "MRR", "", "AP@"])
def test_unknown_measures(name):
    with pytest.raises(InputError, match="measure"):
        judge({"q": {"d": 1}}, {"q": {"d": 1.0}}, [name])


def test_qrels_without_anything_relevant():
    with pytest.raises(InputError, match="no relevant document"):
        judge({"q": {"d": 0}}, {}, ["AP"])
