"""Queries of one dialogue: found, drawn together, turned together, and told."""

import json

import numpy as np
import pytest
from eval_worlds import LIBRARY, both, rows, write_dataset

from eval.dialogue_groups import clusters_of, dialogue_groups, unit_of
from eval.harness import evaluate
from eval.paired import paired_tests
from eval.report import to_markdown
from eval.report_page.findings import read_findings
from eval.report_page.load import load_report
from eval.report_page.sections import contents
from eval.significance import cluster_sums, compare
from retriever.cli import main
from retriever.errors import InputError


def test_by_what_the_data_say_else_by_ids() -> None:
    assert dialogue_groups(["a", "b", "c", "a2"], ["x", None, "x", None]).tolist() == [0, 1, 0, 2]
    talks = [f"meld-dev-{at // 3}-{at % 3}" for at in range(60)]
    assert dialogue_groups(talks, [None] * 60).tolist() == [at // 3 for at in range(60)]
    # tweet-val-7 says nothing: one group for all is none, and each its own is what is left
    assert dialogue_groups([f"tweet-val-{at}" for at in range(60)], [None] * 60).tolist() == list(range(60))
    assert dialogue_groups([], []).tolist() == []


def test_what_is_drawn() -> None:
    alone, pairs, one = np.arange(4), np.array([0, 0, 1, 1]), np.zeros(4, np.int64)
    assert [unit_of("auto", groups) for groups in (alone, pairs, one)] == ["query", "dialogue", "query"]
    assert [unit_of("query", groups) for groups in (alone, pairs, one)] == ["query"] * 3
    assert unit_of("dialogue", alone) == "dialogue"
    with pytest.raises(InputError, match="all 4 queries are of one dialogue"):
        unit_of("dialogue", one)
    assert clusters_of(pairs, np.array([2, 3])) is None
    assert clusters_of(pairs, np.array([1, 2])).tolist() == [0, 1]


def test_sums_by_hand() -> None:
    values = np.array([[1.0, 10], [2, 20], [4, 40]])
    sums, sizes, of = cluster_sums(values, np.array([7, 3, 7]))
    assert (sums.tolist(), sizes.tolist(), of.tolist()) == ([[2, 20], [5, 50]], [1, 2], [1, 0, 1])
    with pytest.raises(InputError, match="clusters of 2 queries for 3"):
        cluster_sums(values, np.array([0, 1]))


def test_an_interval_by_hand() -> None:
    """Dialogues of three queries worth 0, 0, 3 and of one worth 5: two draws of two.

    Drawn are both (mean 8 / 4), the first twice (6 / 6) or the second twice (5): nothing else, with chances
    1/2, 1/4 and 1/4, so the 2.5th and 97.5th percentile are the ends.
    """
    values, of = np.array([[0.0], [0], [3], [5]]), np.array([0, 0, 0, 1])
    (found,) = compare(values, ["a", "a", "b", "b"], clusters=of, resamples=400)
    assert (found.mean, found.low, found.high) == (2, 1, 5)
    # labels: a 0 and b 4 (both); a 0 and b 3 (the first twice); b alone, 5 (the second twice)
    assert (found.macro, found.macro_low, found.macro_high) == (2, 1.5, 5)
    (apart,) = compare(values, resamples=400)
    assert apart.low == 0 and apart.high < 5


def test_signs_turn_by_dialogue() -> None:
    """Three dialogues: of 2^3 patterns those two are as extreme where all signs agree: p = 1/4, not 2/2^6."""
    left, right = np.array([1.0, 1, 1, 1, 1, 1]), np.zeros(6)
    of = np.array([0, 0, 1, 1, 2, 2])
    (together,) = paired_tests({"a": left, "b": right}, [("a", "b")], clusters=of, resamples=20)
    (apart,) = paired_tests({"a": left, "b": right}, [("a", "b")], resamples=20)
    assert (together.p, apart.p) == (2 / 8, 2 / 64)
    assert (together.n, together.wins, together.mean) == (6, 6, 1)


def test_every_query_its_own_dialogue_changes_no_bit() -> None:
    values = np.random.default_rng(0).random((50, 3)) - 0.4
    labels = ["a", "b"] * 25
    assert compare(values, labels, clusters=np.arange(50)) == compare(values, labels)


def clustered(rng: np.random.Generator, dialogues: int, each: int) -> np.ndarray:
    """Values whose spread is half the dialogue's, half the query's."""
    shared = np.repeat(rng.normal(size=dialogues), each)
    return (shared + rng.normal(size=dialogues * each))[:, None]


def test_intervals_of_dialogues_cover_and_those_of_queries_do_not() -> None:
    """With eight queries a dialogue and correlation 1/2 a mean spreads by sqrt(1 + 7/2), some 2.1 times."""
    rng, of = np.random.default_rng(0), np.repeat(np.arange(40), 8)
    widths, covered = [], {"dialogue": 0, "query": 0}
    for seed in range(150):
        values = clustered(rng, 40, 8)
        (wide,) = compare(values, clusters=of, resamples=300, seed=seed)
        (narrow,) = compare(values, resamples=300, seed=seed)
        widths.append((wide.high - wide.low) / (narrow.high - narrow.low))
        covered["dialogue"] += wide.low <= 0 <= wide.high
        covered["query"] += narrow.low <= 0 <= narrow.high
    assert np.median(widths) == pytest.approx(np.sqrt(4.5), abs=0.2)
    assert covered["dialogue"] >= 133 and covered["query"] <= 115  # of 150: 89 % at least, 77 % at most


def test_false_alarms_of_the_paired_test() -> None:
    """Two systems that are equal but for the dialogues' luck: turned by query, a third are alarms."""
    rng, of = np.random.default_rng(1), np.repeat(np.arange(40), 8)
    alarms = {"dialogue": 0, "query": 0}
    for seed in range(100):
        table = {"a": clustered(rng, 40, 8)[:, 0], "b": np.zeros(320)}
        for unit, clusters in (("dialogue", of), ("query", None)):
            options = {"flips": 200, "resamples": 2, "seed": seed}
            (test,) = paired_tests(table, [("a", "b")], clusters=clusters, **options)
            alarms[unit] += test.p < 0.05
    assert alarms["dialogue"] <= 12 and alarms["query"] >= 20


@pytest.fixture
def dialogues(tmp_path):
    """Sixty queries of twenty dialogues, three each."""
    folder = tmp_path / "talks"
    folder.mkdir()
    lines = [
        json.dumps({**row, "dialogue": f"d{at // 3}"} | {"id": f"q{at}"}) for at, row in enumerate(rows(60))
    ]
    (folder / "valid.jsonl").write_text("\n".join(lines) + "\n")
    return folder


def test_the_report_says_what_was_drawn(dialogues, tmp_path) -> None:
    out = tmp_path / "out"
    by_dialogue = evaluate(dialogues, LIBRARY, both, out=out, resamples=50, show_progress=False)
    assert by_dialogue.unit == "dialogue"
    assert {result.n_dialogues for result in by_dialogue.protocols} == {20}
    by_query = evaluate(dialogues, LIBRARY, both, resample="query", resamples=50, show_progress=False)
    assert by_query.unit == "query" and by_query.protocols[0].n_dialogues is None
    name = "noise"
    one, other = (
        report.protocol("candidates").system(name).over_chance["R@1"] for report in (by_dialogue, by_query)
    )
    assert one.mean == other.mean and (one.low, one.high) != (other.low, other.high)
    assert "paired bootstrap over 20 dialogues" in to_markdown(by_dialogue)
    assert "paired bootstrap over 60 queries" in to_markdown(by_query)

    kept = load_report(out)
    assert kept.unit == "dialogue" and json.loads((out / "report.json").read_text())["unit"] == "dialogue"
    findings = read_findings(out, kept)
    # what the page shows is drawn the same way as what the table shows
    page = findings.protocols[0]
    assert page.columns.clusters is not None and len(np.unique(page.columns.clusters)) == 20
    method = contents(findings).method
    assert "whole dialogues" in method[0] and "all of a dialogue together" in method[1]


def test_the_option(dialogues, tmp_path) -> None:
    with pytest.raises(InputError, match="resample is 'talk'; expected one of auto, dialogue, query"):
        evaluate(dialogues, LIBRARY, both, resample="talk", show_progress=False)
    whole = write_dataset(tmp_path / "world", n=30)
    assert evaluate(whole, LIBRARY, both, resamples=10, show_progress=False).unit == "query"
    assert main(["eval", str(whole), "--resample", "talk", "-l", str(tmp_path / "none")]) == 2
