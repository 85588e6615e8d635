"""The paper's rows as configurations, and one of them trained and looked into by the command."""

import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest
from ranking_worlds import write_native

from retriever.checkpoints import STARTER
from retriever.cli import main
from retriever.conversations import conversation_hash, parse_conversation
from retriever.rankers import load_ranker
from trainers.config import find_config, load_config, shipped

INT_RA = [name for name in shipped() if name.startswith("int_ra/")]
VIT = {"patch_size": 8, "embed_dim": 16, "depth": 1, "num_heads": 2}
TINY = {
    "model.image.size": 16, "model.image.options": VIT, "model.text.pretrained": "null",
    "model.text.layers": 1, "model.text.width": 16, "model.text.heads": 2, "model.text.vocabulary": 200,
    "model.width": 16, "model.heads": 2, "batch.size": 8, "train.device": "cpu", "train.epochs": 2,
    "train.lr": 3e-3, "train.warmup_steps": 0, "knowledge.inferred_intentions": "false",
}  # fmt: skip


def test_the_paper_is_all_there():
    subsets = ["g", "p", "f", "v", "gp", "gf", "gv", "pf", "pv", "fv", "gpf", "gpv", "pfv", "gpfv"]
    wanted = {f"int_ra/table3-{name}" for name in subsets} | {f"int_ra/fig5-{n}" for n in range(2, 11)}
    wanted |= {f"int_ra/table2-{n}" for n in ("int-ra", "wo-attribute", "wo-intention", "wo-knowledge")}
    wanted |= {f"int_ra/{n}" for n in ("small", "query-paper", "query-soft", "relation-gate", "loss-printed")}
    assert set(INT_RA) == wanted


def test_each_row_differs_from_the_whole_model_in_one_thing():
    def told(name):
        config = load_config(find_config(name)).config
        return json.loads(config.model_dump_json())

    whole = told("int_ra/table2-int-ra")
    assert whole["model"]["text"]["pretrained"] == "bert-base-multilingual-cased"
    assert whole["batch"]["size"] == 4 and whole["train"]["lr"] == whole["train"]["final_lr"] == 1e-4
    assert (whole["losses"]["retrieval"], whole["losses"]["intention"]) == (1, 1)
    letters = {"g": "gesture", "p": "posture", "f": "facial_expression", "v": "verbal"}
    for name in set(INT_RA) - {"int_ra/small", "int_ra/table2-int-ra"}:
        found = told(name)
        apart = {
            (table, key): found[table][key]
            for table in ("model", "losses", "batch", "train", "data", "knowledge")
            for key in whole[table]
            if found[table][key] != whole[table][key]
        }
        short = name.removeprefix("int_ra/")
        if short.startswith("table3-"):
            wanted = [letters[letter] for letter in short.removeprefix("table3-")]
            assert apart.get(("model", "attributes"), list(letters.values())) == wanted
        elif short.startswith("fig5-"):
            assert found["model"]["history"] == int(short.removeprefix("fig5-"))
        else:
            assert (
                apart
                == {
                    "table2-wo-attribute": {("model", "attributes"): []},
                    "table2-wo-intention": {("model", "query"): "context", ("losses", "intention"): 0.0},
                    "table2-wo-knowledge": {("model", "knowledge"): False},
                    "query-paper": {("model", "query"): "paper"},
                    "query-soft": {("model", "query"): "soft"},
                    "relation-gate": {("model", "relation"): "gate"},
                    "loss-printed": {("losses", "variant"): "printed"},
                }[short]
            )
        assert len(apart) <= (2 if short == "table2-wo-intention" else 1)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Chats with emotions and journals beside them; a small Int-RA trained on them by the command."""
    root = tmp_path_factory.mktemp("int_ra")
    patch = pytest.MonkeyPatch()
    patch.setenv("XDG_CACHE_HOME", str(root / "cache"))
    write_native(root / "data", train=16, valid=6)
    rows = [json.loads(line) for line in (root / "data" / "train.jsonl").read_text().splitlines()]
    inferences = {"xIntent": ["to tell"], "xNeed": [], "xWant": [], "xReact": ["well"], "xEffect": []}
    (root / "data" / "inferences.jsonl").write_text(
        "".join(
            json.dumps({"conversation": conversation_hash(parse_conversation(row)), "inferences": inferences})
            + "\n"
            for row in rows[4:14]  # validation says what training says, row by row
        )
    )
    images = sorted((root / "data" / "stickers" / "images").rglob("*.png"))
    (root / "data" / "attributes.jsonl").write_text(
        "".join(
            json.dumps(
                {
                    "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
                    "attributes": {"gesture": path.stem.split("-")[0], "verbal": "ha"},
                }
            )
            + "\n"
            for path in images[:20]
        )
    )
    words = ["train", "int_ra/small", "--data", str(root / "data"), "--out", str(root / "run")]
    for key, value in TINY.items():
        text = json.dumps(value).replace(":", " =") if isinstance(value, dict) else str(value)
        words += ["--set", f"{key}={text}"]
    assert main(words) == 0
    yield root
    patch.undo()


def test_the_run_says_what_was_missing(world):
    told = json.loads((world / "run" / "best" / "training.json").read_text())
    notes = json.loads((world / "run" / "data.json").read_text())
    text = json.dumps(notes) + json.dumps(told)
    assert '"train/without_inferences": 6' in text and '"valid/without_inferences": 4' in text
    assert '"stickers/without_attributes": 8' in text
    assert set(told["data"]) >= {"inferences.jsonl", "attributes.jsonl", "train.jsonl"}
    ranker = load_ranker(world / "run" / "best", "cpu")
    assert ranker.family == "int_ra" and ranker.config.labels == "emotion"


def test_relations_are_drawn_on_stickers(world):
    from trainers.analyses.int_ra import open_int_ra, relation_maps

    subject = open_int_ra(world / "run" / "best", device="cpu")
    out = world / "relations.png"
    rows = relation_maps(subject, out, count=5)
    assert out.read_bytes()[:4] == b"\x89PNG" and len(rows) == 5
    assert all(row["attributes"]["verbal"] == "ha" and len(row["relations"]) == 4 for row in rows)
    assert all(0 < value <= 1 for row in rows for value in row["relations"])
    named = relation_maps(subject, out, ["valid-1"])
    assert [row["sticker"] for row in named] == [subject.data.samples[1].sticker]


def test_the_case_sheet_tells_what_a_library_would_be_told(world):
    from trainers.analyses.int_ra import case_sheet, open_int_ra

    subject = open_int_ra(world / "run" / "best", device="cpu")
    row = case_sheet(subject, world / "cases.png", ["valid-2"])[0]
    sample = subject.data.samples[2]
    scores = subject.ranker.score(sample.conversation, {"vector": subject.vectors})
    assert row["top"] == [subject.data.stickers.ids[at] for at in np.argsort(-scores, kind="stable")[:3]]
    assert row["wanted"] == sample.emotion and row["sent"] == sample.sticker
    assert row["right"] == [sample.emotion in id_ for id_ in row["top"]]
    assert (world / "cases.png").read_bytes()[:4] == b"\x89PNG"


def test_precision_over_recall_by_hand(world):
    from trainers.analyses.int_ra import open_int_ra, pr_curves, precision_recall

    # ranked: right, wrong, right, wrong: precision 1 up to recall 1/2, then 2/3
    found = precision_recall(np.array([4.0, 3, 2, 1]), np.array([True, False, True, False]))
    assert found.tolist() == pytest.approx([1] * 6 + [2 / 3] * 5)
    assert precision_recall(np.zeros(4), np.array([True, False, False, False])).tolist() == [0.25] * 11
    subject = open_int_ra(world / "run" / "best", device="cpu")
    told = pr_curves([subject, subject], world / "pr.png")
    assert told[0] == told[1] and told[0]["unlabelled"] == 0 and len(told[0]["precision"]) == 11
    assert (world / "pr.png").read_bytes()[:4] == b"\x89PNG"


def test_the_command_draws_all_three(world, capsys):
    best = str(world / "run" / "best")
    out = str(world / "one.png")
    for kind, extra, rows in (
        ("relations", ["--count", "3"], 3),
        ("cases", ["--count", "2"], 2),
        ("pr", [best], 2),
    ):
        assert main(["analyse", kind, best, *extra, "--out", out, "--json"]) == 0
        assert len(capsys.readouterr().out.splitlines()) == rows
    for kind in ("relations", "cases"):
        assert main(["analyse", kind, best, best, "--out", out]) == 2
        assert f"{kind} is drawn for one checkpoint; got 2" in capsys.readouterr().err
    assert main(["analyse", "cases", best, "--sample", "no", "--out", out]) == 2
    assert "there is no sample 'no'" in capsys.readouterr().err
    assert main(["analyse", "attention", best, "--out", out]) == 2
    assert "is a 'int_ra' ranker; this analysis looks inside pbr rankers only" in capsys.readouterr().err


def test_a_split_is_scored_as_the_task_scores_it(world):
    """Candidates, in `diversity` and `text-split`: with the journals of the training, and without."""
    from trainers.analyses.everything import among_all, drawn, open_split, scores_of

    subject, data = open_split(world / "run" / "best", device="cpu")
    assert sum(sample.conversation.inferences is not None for sample in data.samples) == 2
    stickers = [word.attributes.verbal for word in subject.words]
    assert stickers.count("ha") == 20 and len(subject.words) == len(data.stickers) == 28
    ranker, files = subject.ranker, sticker_files(world / "data" / "stickers", data)
    vectors = ranker.encode_stickers(
        [replace(word, path=str(path)) for word, path in zip(subject.words, files, strict=True)]
    )
    samples = drawn(data)
    found = scores_of(ranker, samples, data.stickers, subject.words)
    for sample, scores in zip(samples, found, strict=True):
        rows = data.stickers.rows(sample.candidates)
        wanted = ranker.score(sample.conversation, {"vector": vectors["vector"][rows]})
        assert np.abs(scores - wanted).max() < 1e-5
    unknown = scores_of(ranker, samples, data.stickers)
    assert any(np.abs(one - other).max() > 1e-4 for one, other in zip(found, unknown, strict=True))
    everything = scores_of(ranker, among_all(data), data.stickers, subject.words)
    assert {len(row) for row in everything} == {28}


def sticker_files(root, data):
    """The files of the rows, by what is in them."""
    by_hash = {hashlib.sha256(path.read_bytes()).hexdigest(): path for path in root.rglob("*.png")}
    return [by_hash[digest] for digest in data.stickers.sha256]


def test_the_commands_that_take_every_family(world, capsys):
    best, png = str(world / "run" / "best"), str(world / "d.png")
    starter = str(STARTER)
    data = ["--data", str(world / "data"), "--pack", str(world / "data" / "stickers")]
    assert (
        main(["analyse", "diversity", best, starter, *data, "--out", png, "--json", "--device", "cpu"]) == 0
    )
    ours, dual = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert ours["samples"] == dual["samples"] == 6 and dual["stickers"] == 28
    assert sum(dual["sent"].values()) > 0 and dual["predicted"]["distinct"] >= 1
    code = main(["analyse", "text-split", starter, *data, "--json", "--device", "cpu"])
    assert code == 2 and "words in it" in capsys.readouterr().err
    assert main(["analyse", "saliency", starter, *data, "--out", png, "--device", "cpu"]) == 2
    assert "mmbert rankers only" in capsys.readouterr().err


def test_a_ranker_that_never_looks_is_given_what_packs_say(world):
    """The shipped ranker's scores among candidates, an empty slot among them, equal its own one by one."""
    from trainers.analyses.everything import drawn, open_split, scores_of

    subject, data = open_split(STARTER, data=str(world / "data"), packs=[str(world / "data" / "stickers")])
    sample = drawn(data)[0]
    holed = replace(sample, candidates=(*sample.candidates, None))
    (found,) = scores_of(subject.ranker, [holed], data.stickers, subject.words)
    rows = data.stickers.rows(sample.candidates)
    told = [subject.words[row] for row in rows]
    wanted = subject.ranker.score(sample.conversation, subject.ranker.encode_stickers(told))
    assert np.allclose(found[:-1], wanted, atol=1e-5) and np.isfinite(found[-1]) and len(found) == 11
    emotions = {one.emotion for one in told}
    assert len(emotions) > 3 and len({round(float(value), 6) for value in wanted}) > 3
