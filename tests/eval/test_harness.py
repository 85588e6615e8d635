import json
import math
from types import SimpleNamespace

import numpy as np
import pytest
from eval_worlds import LIBRARY, both, knows, noise, rows, write_dataset

from eval.datasets import open_dataset
from eval.harness import evaluate
from eval.run_folder import read_records
from eval.runs import read_qrels, read_run
from eval.systems import Asked, LibrarySystem, SystemSpec, Usage, from_recallers
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
    assert [result.protocol for result in report.protocols] == ["candidates", "exact", "library"]
    for result in report.protocols:
        constant = result.system("constant")
        assert constant.mean == pytest.approx(dict(result.chance.mean))
        assert constant.macro == pytest.approx(dict(result.chance.macro))
        assert constant.n == result.n_queries == 200
        for difference in constant.over_chance.values():
            assert not difference.is_clear and difference.ties == 200


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

    with pytest.raises(InputError, match="query 'q7' was scored by knows, others by knows, noise"):
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
    assert names >= {
        "config.json", "environment.json", "stickers.jsonl", "queries.jsonl", "systems", "costs",
        "report.json", "report.md", "candidates.qrels",
        "candidates.knows.run", "candidates.noise.run", "candidates.most-frequent-label.run",
    }  # fmt: skip
    assert json.loads((out / "report.json").read_text()) == json.loads(json.dumps(report.as_dict()))
    config = json.loads((out / "config.json").read_text())
    assert config["library_size"] == 9 and list(config["systems"]) == ["most frequent label", "together"]
    assert config["systems"]["together"]["identity"] == {"encoder": "none"}
    assert {path.name for path in (out / "systems").iterdir()} == {
        "together.jsonl", "most-frequent-label.jsonl",
    }  # fmt: skip
    environment = json.loads((out / "environment.json").read_text())
    assert "numpy" in environment["packages"] and "commit" in environment
    assert report.provenance["environment"] == environment and report.provenance["config"] == config
    assert len(report.provenance["candidates_sha256"]) == 64
    kept = [json.loads(line) for line in (out / "stickers.jsonl").read_text().splitlines()]
    assert [row["id"] for row in kept] == [sticker.id for sticker in LIBRARY]
    assert kept[1]["emotion"] == "sadness"


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


def test_a_record_by_hand(tmp_path):
    # scores of the nine: 8, 7, ..., 0 in library order, but anger-1, the sixth, as good as sadness-1
    def scores(conversation):
        values = np.arange(8.0, -1, -1)
        values[5] = values[4]
        return {"falling": values}

    row = {
        "id": "q", "dialogue": "d1", "utterances": ["a", "b", "c", "d", "e" * 400], "sticker": "pack/anger-1",
        "candidates": ["pack/sadness-2", "pack/anger-1", "pack/sadness-1"], "emotion": "anger",
    }  # fmt: skip
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "valid.jsonl").write_text(json.dumps(row) + "\n")
    (tmp_path / "d" / "train.jsonl").write_text(
        json.dumps({"utterances": ["x"], "sticker": "pack/anger-0", "emotion": "anger"}) + "\n"
    )
    out = tmp_path / "out"
    evaluate(
        tmp_path / "d", LIBRARY, scores, protocols=("c10", "all", "intent"), out=out,
        sentiment=lambda conversation: 0.25, show_progress=False,
    )  # fmt: skip
    (record,) = read_records(out)
    assert record["id"] == "q"
    assert record["facts"] == {
        "n_utterances": 5, "mode": "reply", "reply_speaker": "B",
        "said": [["B", "b"], ["A", "c"], ["B", "d"], ["A", "e" * 300]],
        "dialogue": "d1", "gold": "pack/anger-1", "label": "anger",
        "verbal": None, "unseen": True, "sentiment": 0.25,
    }  # fmt: skip
    candidates = record["protocols"]["candidates"]
    assert (candidates["n"], candidates["relevant"], candidates["gold"]) == (3, 1, ["pack/anger-1"])
    assert candidates["ids"] == row["candidates"] and candidates["scores"]["falling"] == [1.0, 4.0, 4.0]
    assert candidates["rank"]["falling"] == 1.5
    assert candidates["top"]["falling"] == [
        ["pack/anger-1", 4.0], ["pack/sadness-1", 4.0], ["pack/sadness-2", 1.0],
    ]  # fmt: skip
    # first or second by chance
    assert candidates["values"]["falling"] == pytest.approx(
        {"R@1": 0.5, "R@2": 1, "R@5": 1, "AP": 0.75, "RR": 0.75, "nDCG@10": (1 + 1 / math.log2(3)) / 2}
    )
    assert candidates["values"]["most frequent label"]["R@1"] == 1
    exact = record["protocols"]["exact"]
    assert (exact["n"], exact["relevant"], exact["gold"]) == (9, 1, ["pack/anger-1"])
    assert exact["rank"]["falling"] == 5.5  # four above; fifth or sixth
    assert exact["values"]["falling"]["RR"] == pytest.approx((1 / 5 + 1 / 6) / 2)
    assert "curve" not in exact and "scores" not in exact
    library = record["protocols"]["library"]
    assert (library["relevant"], library["label"]) == (3, "anger")
    # anger is third; then sadness-1 and anger-1 tied as fifth and sixth; then ninth
    thirds, half = [1 / 3] * 4, [2 / 6] * 3
    assert library["curve"]["falling"] == [round(x, 4) for x in [*thirds, *half, *[3 / 9] * 4]]
    assert [name for name, _ in library["top"]["falling"]][:3] == [
        f"pack/{e}-0" for e in ("happiness", "sadness", "anger")
    ]
    assert record["protocols"]["intent"]["values"] == library["values"]


def test_intent_does_not_take_the_gold_for_right(tmp_path):
    row = {**next(rows(1)), "emotion": "sadness", "sticker": "pack/anger-0"}
    path = tmp_path / "d.jsonl"
    path.write_text(json.dumps(row) + "\n")
    report = evaluate(path, LIBRARY, both, protocols=["library", "intent"], show_progress=False)
    assert [result.n_relevant for result in report.protocols] == [4, 3]
    assert [result.relevance for result in report.protocols] == [
        "the same emotion, and the gold",
        "the same emotion",
    ]
    gone = {**row, "sticker": "gone/1"}
    path.write_text(json.dumps(gone) + "\n")
    report = evaluate(path, LIBRARY, both, protocols=["library", "intent"], show_progress=False)
    assert report.protocol("library").skipped == {"gold not in library": 1}
    assert report.protocol("intent").n_queries == 1


def test_unknown_protocols_and_references(dataset):
    with pytest.raises(InputError, match="protocol is 'c11'; expected one or more of c10, all"):
        evaluate(dataset, LIBRARY, both, protocols=["c11"])
    with pytest.raises(InputError, match="protocol is none"):
        evaluate(dataset, LIBRARY, both, protocols=[])
    with pytest.raises(
        InputError, match="reference is 'luck'; expected one of most_frequent, popularity, label"
    ):
        evaluate(dataset, LIBRARY, both, references=["luck"])
    (dataset / "train.jsonl").unlink()
    with pytest.raises(InputError, match="popularity counts the stickers of a train split, but there is no"):
        evaluate(dataset, LIBRARY, both, references=["popularity"])


def test_what_a_list_gives_away(tmp_path):
    dataset = write_dataset(tmp_path / "d", 1, train=30)
    (row,) = (json.loads(line) for line in (dataset / "valid.jsonl").read_text().splitlines())
    alone = f"pack/{row['emotion']}-0"
    others = [sticker for sticker in LIBRARY if sticker.emotion != row["emotion"]]
    pairs = [sticker.id for sticker in others if sticker.id.endswith(("-0", "-1"))]
    assert len(pairs) == 4  # of two labels
    row |= {"sticker": alone, "candidates": [*pairs, alone]}
    (dataset / "valid.jsonl").write_text(json.dumps(row) + "\n")
    report = evaluate(
        dataset, LIBRARY, both, references=["label_alone", "most_frequent"], protocols=["c10"],
        show_progress=False,
    )  # fmt: skip
    assert report.protocols[0].system("label alone in its list").mean["R@1"] == 1
    row["candidates"].append(f"pack/{row['emotion']}-1")  # now its label stands twice, as all do
    (dataset / "valid.jsonl").write_text(json.dumps(row) + "\n")
    report = evaluate(
        dataset, LIBRARY, both, references=["label_alone"], protocols=["c10"], show_progress=False
    )
    n = len(row["candidates"])
    assert report.protocols[0].system("label alone in its list").mean["R@1"] == pytest.approx(1 / n)


def test_a_list_is_needed_to_give_anything_away(tmp_path):
    dataset = write_dataset(tmp_path / "d", 3, train=30)
    with pytest.raises(InputError, match="label alone in its list can only be asked about short lists"):
        evaluate(dataset, LIBRARY, both, references=["label_alone"], protocols=["library"])


def test_popularity_by_hand(tmp_path):
    dataset = write_dataset(tmp_path / "d", 20, train=30)
    sent = [row["sticker"] for row in rows(30, seed=1)]
    report = evaluate(
        dataset, LIBRARY, both, references=["popularity"], protocols=["exact"], show_progress=False
    )
    best = max(set(sent), key=sent.count)
    tied = [name for name in set(sent) if sent.count(name) == sent.count(best)]
    golds = [row["sticker"] for row in rows(20)]
    share = sum(gold in tied for gold in golds) / len(tied) / 20
    assert report.protocol("exact").system("popularity").mean["R@1"] == pytest.approx(share)
    assert [system.name for system in report.protocols[0].systems] == ["popularity", "knows", "noise"]


class Shortlister:
    """Scores lists of candidates two conversations at a time; would rather die than score a library."""

    batch = 2

    def __init__(self):
        self.asked, self.prepared, self.closed = [], [], False

    @property
    def usage(self):
        n = sum(map(len, self.asked))
        return Usage(calls=n, prompt_tokens=100 * n, completion_tokens=10 * n, unanswered={"no idea": n // 4})

    def prepare(self, rows):
        self.prepared.append(rows)

    def score(self, asked):
        assert all(isinstance(one, Asked) and len(one.rows) == 5 for one in asked)
        self.asked.append([one.conversation.id for one in asked])
        return [{"short": knows(one.conversation)[one.rows]} for one in asked]

    def close(self):
        self.closed = True


def test_a_system_that_only_scores_candidates(tmp_path):
    from eval.costs import Price

    dataset = write_dataset(tmp_path / "d", 7, train=0)
    short = Shortlister()
    specs = [
        SystemSpec("all", lambda: LibrarySystem(lambda c: {"all": knows(c)})),
        SystemSpec("short", lambda: short, scope="candidates", identity={"model": "m"}),
    ]
    report = evaluate(
        dataset,
        LIBRARY,
        specs,
        protocols=["c10", "all"],
        price=Price(2, 5),
        baseline="all",
        show_progress=False,
    )
    assert [len(pair) for pair in short.asked] == [2, 2, 2, 1] and short.closed
    (rows_needed,) = short.prepared
    assert set(rows_needed.tolist()) <= set(range(9))
    candidates, exact, library = report.protocols
    assert candidates.system("short").mean == candidates.system("all").mean
    assert candidates.system("short").n == 7 and not candidates.not_judged
    for result in (exact, library):
        assert [system.name for system in result.systems] == ["all"]
        assert "lists of candidates" in result.not_judged["short"]
    cost = report.costs["short"]
    assert (cost.n, cost.calls, cost.prompt_tokens, cost.completion_tokens) == (7, 7, 700, 70)
    assert (cost.calls_per_1000, cost.prompt_tokens_per_1000) == (1000, 100_000)
    # 100,000 tokens at 2 a million and 10,000 at 5 a million
    assert cost.price_per_1000 == pytest.approx(0.2 + 0.05)
    assert cost.unanswered == {"no idea": 1}
    assert report.costs["all"].price_per_1000 is None and report.costs["all"].ms_median > 0


def test_a_library_too_long_for_the_only_protocol(tmp_path):
    dataset = write_dataset(tmp_path / "d", 3, train=0)
    spec = SystemSpec("short", Shortlister, scope="candidates")
    with pytest.raises(InputError, match=r"short.*cannot be judged by exact"):
        evaluate(dataset, LIBRARY, [spec], protocols=["exact"], show_progress=False)


def test_two_systems_of_one_name(dataset):
    specs = [SystemSpec("same", lambda: LibrarySystem(both))] * 2
    with pytest.raises(InputError, match="two systems have the same name: same"):
        evaluate(dataset, LIBRARY, specs)
    liar = SystemSpec("honest", lambda: LibrarySystem(lambda c: {"other": noise(c)}))
    with pytest.raises(InputError, match="query 'q0' was scored by other, others by honest"):
        evaluate(dataset, LIBRARY, [liar], show_progress=False)
