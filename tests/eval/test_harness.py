import json
from types import SimpleNamespace

import numpy as np
import pytest
from eval_worlds import EMOTIONS, LIBRARY, both, knows, rows, write_dataset

from eval.datasets import open_dataset
from eval.harness import evaluate
from eval.runs import read_qrels, read_run
from eval.systems import from_recallers
from retriever.errors import ConversationError, InputError, ModelError


@pytest.fixture
def dataset(tmp_path):
    return write_dataset(tmp_path / "world")


def test_means_by_hand(dataset):
    report = evaluate(dataset, LIBRARY, both, show_progress=False)
    samples = list(rows(200))
    happy = sum(row["emotion"] == "happiness" for row in samples) / 200
    assert (report.dataset, report.split, report.n_rows, report.label) == ("world", "valid", 200, "emotion")

    candidates = report.protocol("candidates")
    assert (candidates.n_queries, candidates.n_ranked, candidates.skipped) == (200, (5, 5), {})
    assert candidates.chance.mean["R@1"] == pytest.approx(1 / 5)
    assert candidates.chance.mean["AP"] == pytest.approx((1 + 1 / 2 + 1 / 3 + 1 / 4 + 1 / 5) / 5)
    assert candidates.system("knows").mean["R@1"] == 1.0

    library = report.protocol("library")
    # each emotion has three of the nine stickers
    assert library.chance.mean["P@1"] == pytest.approx(3 / 9)
    assert library.n_relevant == 3
    assert library.chance.macro["P@1"] == pytest.approx(3 / 9)
    assert library.system("knows").mean == {
        name: pytest.approx(3 / 5 if name == "P@5" else 1.0) for name in library.chance.mean
    }
    frequent = library.system("most frequent label")
    assert frequent.mean["P@1"] == pytest.approx(happy)
    assert frequent.macro["P@1"] == pytest.approx(1 / 3)
    over = library.system("knows").over_baseline["P@1"]
    assert over.mean == pytest.approx(1 - happy)
    assert (over.wins, over.ties, over.losses) == (round(200 * (1 - happy)), round(200 * happy), 0)
    assert over.macro == pytest.approx(1 - 1 / 3)
    assert not frequent.over_baseline and frequent.over_chance["P@1"].is_clear
    assert report.baseline == "most frequent label"


def test_without_a_train_split_there_is_no_frequency(tmp_path):
    report = evaluate(write_dataset(tmp_path / "d", 20, train=0), LIBRARY, both, show_progress=False)
    assert [system.name for system in report.protocol("library").systems] == ["knows", "noise"]
    assert report.baseline is None
    report = evaluate(tmp_path / "d", LIBRARY, both, baseline="noise", show_progress=False)
    assert report.protocol("library").system("knows").over_baseline["P@1"].mean > 0
    with pytest.raises(InputError, match=r"no system 'magic'.*knows, noise"):
        evaluate(tmp_path / "d", LIBRARY, both, baseline="magic", show_progress=False)


def test_constant_scorer_gets_chance_exactly(dataset):
    report = evaluate(dataset, LIBRARY, lambda _: {"constant": np.zeros(9)}, show_progress=False)
    for result in report.protocols:
        constant = result.system("constant")
        assert constant.mean == pytest.approx(dict(result.chance.mean))
        assert constant.macro == pytest.approx(dict(result.chance.macro))
        assert not constant.over_chance["AP"].is_clear and constant.over_chance["AP"].ties == 200


def test_every_query_is_accounted_for(tmp_path):
    good = next(rows(1))
    lines = [
        good,
        {**good, "id": "q1", "candidates": ["pack/anger-0", "pack/anger-1"]},
        {**good, "id": "q2", "sticker": "gone/1", "candidates": ["gone/1", "pack/anger-1"]},
        {**good, "id": "q3", "emotion": "envy"},
        {"id": "q4", "utterances": ["hi"]},
        {"id": "q5", "utterances": []},
        good,
    ]
    path = tmp_path / "d.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines) + "{broken\n")
    report = evaluate(path, LIBRARY, both, show_progress=False)
    assert (report.n_rows, report.n_bad_rows) == (5, 3)
    assert [problem.partition(": ")[0] for problem in report.problems] == [
        f"{path}, line {n}" for n in (6, 7, 8)
    ]
    assert report.protocol("candidates").skipped == {
        "gold not among candidates": 1, "candidate not in library": 1, "no gold": 1,
    }  # fmt: skip
    assert report.protocol("library").skipped == {"gold not in library": 1, "no label": 1}
    for result in report.protocols:
        assert result.n_queries + sum(result.skipped.values()) == report.n_rows
    # envy has no sticker, but its gold is always relevant
    assert report.protocol("library").n_labels == 2
    with pytest.raises(ConversationError, match="line 6"):
        evaluate(path, LIBRARY, both, strict=True, show_progress=False)


def test_a_dataset_of_another_library_is_refused_before_any_scoring(dataset):
    def never(conversation):
        raise AssertionError("scored in vain")

    other = [SimpleNamespace(id="x/1", emotion=None, emoji=None, intention=None)]
    with pytest.raises(
        InputError, match=r"none of 200 queries.*candidate not in library \(200\).*is this the library"
    ):
        evaluate(dataset, other, never, show_progress=False)


@pytest.mark.parametrize(
    "scores, words",
    [
        (np.zeros(8), r"shape \(8,\).*expected 9"),
        (np.full(9, np.nan), "9 scores that are not finite"),
        (np.array(["a"] * 9), "expected 9 numbers"),
    ],
)
def test_bad_scores_name_system_and_query(dataset, scores, words):
    with pytest.raises(ModelError, match=f"system 'bad' gave .*{words}"):
        evaluate(dataset, LIBRARY, lambda _: {"bad": scores}, show_progress=False)


def test_systems_that_come_and_go_or_take_reserved_names(dataset):
    def fickle(conversation):
        return both(conversation) if conversation.id != "q7" else {"knows": knows(conversation)}

    with pytest.raises(InputError, match="query 'q7' was scored by knows, most frequent label"):
        evaluate(dataset, LIBRARY, fickle, show_progress=False)
    for name in ("chance", "most frequent label"):
        with pytest.raises(InputError, match=name):
            evaluate(dataset, LIBRARY, lambda c, name=name: {name: knows(c)}, show_progress=False)
    twins = [SimpleNamespace(name="same", score_library=knows)] * 2
    with pytest.raises(InputError, match="same name"):
        from_recallers(*twins)


def test_wrong_arguments(dataset):
    for library in ([], LIBRARY + LIBRARY[:1]):
        with pytest.raises(InputError, match="the library has"):
            evaluate(dataset, library, both)
    with pytest.raises(InputError, match="limit is 0"):
        evaluate(dataset, LIBRARY, both, limit=0)
    with pytest.raises(InputError, match="label is 'mood'; expected one of emotion, emoji, intention"):
        evaluate(dataset, LIBRARY, both, label="mood")


def test_limit_takes_the_first(dataset):
    report = evaluate(dataset, LIBRARY, both, limit=7, show_progress=False)
    assert report.n_rows == report.protocol("library").n_queries == 7


def test_from_recallers(dataset):
    systems = from_recallers(SimpleNamespace(name="one", score_library=knows))
    report = evaluate(open_dataset(dataset, "train"), LIBRARY, systems, show_progress=False)
    assert report.protocol("candidates").system("one").mean["R@1"] == 1.0


def test_what_the_folder_holds(dataset, tmp_path):
    out = tmp_path / "out"
    report = evaluate(dataset, LIBRARY, both, out=out, config={"encoder": "none"}, show_progress=False)
    names = {path.name for path in out.iterdir()} - {".lock"}
    assert names == {
        "config.json", "environment.json", "records.jsonl", "report.json", "report.md", "candidates.qrels",
        "candidates.knows.run", "candidates.noise.run", "candidates.most-frequent-label.run",
    }  # fmt: skip
    assert json.loads((out / "report.json").read_text()) == json.loads(json.dumps(report.as_dict()))
    config = json.loads((out / "config.json").read_text())
    assert config["systems"] == {"encoder": "none"} and config["library_size"] == 9
    assert "numpy" in json.loads((out / "environment.json").read_text())["packages"]
    first = json.loads((out / "records.jsonl").read_text().splitlines()[0])
    assert first["id"] == "q0"
    top = first["protocols"]["library"]["top"]["knows"]
    assert [score for _, score in top] == [1.0] * 3 + [0.0] * 6
    assert {LIBRARY[[s.id for s in LIBRARY].index(name)].emotion for name, _ in top[:3]} <= set(EMOTIONS)


def test_run_files_judge_to_the_report(dataset, tmp_path):
    ir_measures = pytest.importorskip("ir_measures")
    report = evaluate(dataset, LIBRARY, both, out=tmp_path / "out", show_progress=False)
    qrels = read_qrels(tmp_path / "out" / "candidates.qrels")
    run = read_run(tmp_path / "out" / "candidates.noise.run")
    ap, recall = ir_measures.parse_measure("AP"), ir_measures.parse_measure("R@2")
    theirs = ir_measures.calc_aggregate([ap, recall], qrels, run)
    ours = report.protocol("candidates").system("noise").mean
    assert ours["AP"] == pytest.approx(theirs[ap], abs=1e-9)
    assert ours["R@2"] == pytest.approx(theirs[recall], abs=1e-9)
