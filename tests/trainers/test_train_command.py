"""`sticker train` and `sticker analyse` on toy data: a teacher, a ranker with all of PBR, pictures."""

import json
import sys

import numpy as np
import pytest
from PIL import Image
from ranking_worlds import write_native, write_ser30k, write_stickerchat

from retriever.cli import main
from retriever.rankers import load_ranker
from trainers.loop.logs import read_log

SMALL = {
    "model.image.size": "16", "model.image.options": "{patch_size=8,embed_dim=16,depth=1,num_heads=2}",
    "model.text.pretrained": "null", "model.text.width": "16", "model.text.heads": "2",
    "model.text.layers": "1", "model.text.max_tokens": "32", "model.fusion.layers": "1",
    "model.projection": "8",
    "losses.contrast.hidden": "16", "losses.contrast.width": "8", "batch.size": "4", "train.device": "cpu",
    "train.precision": "fp32", "train.epochs": "2", "train.warmup_steps": "0",
}  # fmt: skip
ALL = {
    **SMALL, "losses.ekd": "0.5", "losses.distillation.kind": "anchors", "losses.distillation.clusters": "3",
    "losses.mining.strategy": "polarity",
}  # fmt: skip
TEACHER = {
    "image.size": "32", "image.options": "{channels=[8,8,8,16],stem_width=8}", "batch": "7", "clusters": "2",
    "train.epochs": "2", "train.device": "cpu",
}  # fmt: skip


def sets(settings):
    return [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A dataset, a trained teacher, and a ranker trained with everything on."""
    root = tmp_path_factory.mktemp("world")
    patch = pytest.MonkeyPatch()
    patch.setenv("XDG_CACHE_HOME", str(root / "cache"))
    write_native(root / "data")
    write_ser30k(root / "ser")
    words = ["train", "teacher-small", "--data", str(root / "ser"), "--out", str(root / "teacher")]
    assert main([*words, *sets(TEACHER)]) == 0
    words = ["train", "--ranker", "pbr", "--data", str(root / "data"), "--out", str(root / "run")]
    assert main([*words, *sets({**ALL, "data.teacher": str(root / "teacher" / "best")})]) == 0
    yield root
    patch.undo()


def test_the_checkpoint_opens_and_scores_as_in_validation(world):
    from trainers.analyses import open_subjects
    from trainers.ranking.measure import measure

    ranker = load_ranker(world / "run" / "best", "cpu")
    assert ranker.family == "pbr"
    subject = open_subjects([world / "run" / "best"], device="cpu")[0]
    samples = [subject.data.draw(at) for at in range(len(subject.data.samples))]
    stickers = subject.data.stickers
    scores = [
        ranker.score(s.conversation, ranker.encode_pixels(stickers.pixels(stickers.rows(s.candidates))))
        for s in samples
    ]
    told = json.loads((world / "run" / "best" / "training.json").read_text())["metrics"]
    assert measure(samples, scores) == pytest.approx(told, abs=1e-6)


def test_the_card_tells_how_it_came_about(world):
    best = world / "run" / "best"
    told = json.loads((best / "training.json").read_text())
    assert told["family"] == "pbr" and told["seed"] == 42 and told["select"] == "R@1"
    assert set(told["data"]) == {"train.jsonl", "valid.jsonl", "stickers"}
    assert all(len(digest) == 64 for digest in told["data"].values())
    assert told["config"]["losses"]["mining"]["strategy"] == "polarity"
    assert {"torch", "python", "sticker-retriever"} <= set(told["packages"])
    assert told["steps"] == 12 and told["step"] in (6, 12) and told["minutes"] > 0
    card = (best / "README.md").read_text()
    assert "validation split" in card and "It does not read the words" in card
    for name, value in told["metrics"].items():
        assert f"| {name} | {value:.2f} |" in card
    log = read_log(world / "run" / "log.jsonl")
    assert {"i2t", "t2i", "match", "ekd", "intra", "inter"} <= set(log[0])


def test_the_teacher_has_anchors_for_the_number_that_was_asked(world):
    assert (world / "teacher" / "best" / "anchors-2.safetensors").exists()
    assert (world / "teacher" / "best" / "anchors-3.safetensors").exists()  # made for the ranker


def test_the_same_command_again_trains_nothing_and_says_the_same(world, capsys):
    words = ["train", "--ranker", "pbr", "--data", str(world / "data"), "--out", str(world / "run"), "--json"]
    before = (world / "run" / "log.jsonl").read_bytes()
    assert main([*words, *sets({**ALL, "data.teacher": str(world / "teacher" / "best")})]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["finished"] and told["steps"] == 12 and told["checkpoint"].endswith("best")
    rows = [line for line in before.splitlines() if b'"train"' in line]
    assert [
        line for line in (world / "run" / "log.jsonl").read_bytes().splitlines() if b'"train"' in line
    ] == rows


def test_a_folder_of_another_run_or_of_other_things_is_refused(world, tmp_path, capsys):
    words = ["train", "--ranker", "pbr", "--data", str(world / "data"), *sets(SMALL)]
    assert main([*words, "--out", str(world / "run")]) == 2
    told = capsys.readouterr().err
    assert "other settings (data.teacher was " in told and 'losses.distillation.kind was "anchors"' in told
    (tmp_path / "thesis.txt").write_text("mine")
    assert main([*words, "--out", str(tmp_path)]) == 2
    assert "has other things in it" in capsys.readouterr().err
    assert (tmp_path / "thesis.txt").read_text() == "mine" and len(list(tmp_path.iterdir())) == 1


def test_after_a_start_that_failed_the_right_one_needs_no_other_folder(world, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    words = ["train", "--ranker", "pbr", *sets({**SMALL, "train.max_steps": "1"})]
    assert main([*words, "--data", "nowhere", "--pack", str(world / "data" / "stickers")]) == 2
    assert main([*words, "--data", str(world / "data")]) == 0, capsys.readouterr().err
    assert (tmp_path / "runs" / "pbr-small" / "best" / "model.safetensors").is_file()


def test_a_run_does_not_go_on_with_other_data(world, tmp_path, capsys):
    write_native(tmp_path / "data")
    words = ["train", "--ranker", "pbr", "--data", str(tmp_path / "data"), "--out", str(tmp_path / "run")]
    assert main([*words, *sets(SMALL)]) == 0
    path = tmp_path / "data" / "train.jsonl"
    path.write_text(path.read_text().replace("yes 3", "no 3"))
    capsys.readouterr()
    assert main([*words, *sets(SMALL)]) == 2
    assert "other data (train.jsonl changed)" in capsys.readouterr().err


def test_stickerchat_in_its_own_format(world, tmp_path):
    root = write_stickerchat(tmp_path / "sc")
    words = ["train", "--ranker", "pbr", "--data", str(root), "--out", str(tmp_path / "run")]
    settings = {**SMALL, "data.format": "stickerchat", "data.policy": "pbr_released", "batch.size": "2"}
    assert main([*words, *sets({**settings, "data.frozen": str(tmp_path / "frozen")})]) == 0
    notes = json.loads((tmp_path / "run" / "best" / "training.json").read_text())["notes"]
    assert notes["train/duplicate_gold"] == 2 and notes["valid/padded_slots"] == 5
    assert len(list((tmp_path / "frozen").iterdir())) == 2
    assert not list(root.glob("candidates-*"))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "give either a configuration"),
        (["pbr/small", "--ranker", "pbr"], "give either a configuration"),
        (["--ranker", "dual"], "no small default for 'dual'"),
        (["pbr/small"], "no data given; name the dataset's folder with --data"),
        (["pbr/small", "--data", "nowhere"], "no pack given, and nowhere has no stickers/ folder"),
        (["pbr/small", "--set", "train.epocs=1"], "did you mean 'epochs'"),
        (["pbr/table3-8-all", "--data", "x"], "train one with `sticker train teacher`"),
        (["teacher-small"], "needs either SER30K's folder"),
        (["dual.toml"], "there is no configuration 'dual.toml'"),
    ],
)
def test_bad_input_is_one_line(words, told, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["train", *words]) == 2
    err = capsys.readouterr().err
    assert told in err and err.count("\n") == 1


def test_list_and_show(capsys):
    assert main(["train", "--list"]) == 0
    assert "pbr/table3-8-all" in capsys.readouterr().out.split()
    assert main(["train", "pbr/table4-m20", "--show"]) == 0
    assert json.loads(capsys.readouterr().out)["losses"]["distillation"]["clusters"] == 20


# Analyses


def opened(path, least):
    picture = np.asarray(Image.open(path).convert("RGB"))
    assert picture.shape[0] > 300 and picture.shape[1] > 500
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > least  # something is drawn
    return picture


def test_attention(world, tmp_path, capsys):
    best, out = str(world / "run" / "best"), tmp_path / "a.png"
    assert main(["analyse", "attention", best, "--out", str(out), "--sample", "valid-3", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["id"] == "valid-3" and sum(told["utterances"]) == pytest.approx(1, abs=1e-3)
    assert len(told["top"]) == 6 and 1 <= told["rank"] <= 10
    opened(out, 100)
    assert main(["analyse", "attention", best, "--sample", "no", "--out", str(out)]) == 2
    assert "no sample 'no'; there are valid-0" in capsys.readouterr().err


def test_intensity(world, tmp_path, capsys):
    best, out = str(world / "run" / "best"), tmp_path / "i.png"
    assert main(["analyse", "intensity", best, best, "--out", str(out), "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(rows) == 2 and rows[0] == rows[1]
    assert sum(part["count"] for part in rows[0]["conversation"]) == 10
    told = json.loads((world / "run" / "best" / "training.json").read_text())["metrics"]
    parts = rows[0]["sticker"]
    mean = sum(part["count"] * part["MAP"] for part in parts) / sum(part["count"] for part in parts)
    assert mean == pytest.approx(told["MAP"], abs=0.02)
    opened(out, 20)


def test_tsne(world, tmp_path, capsys):
    out = tmp_path / "t.png"
    assert main(["analyse", "tsne", str(world / "run" / "best"), "--out", str(out), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["stickers"] == 28 and 0 <= told["neighbour_agreement"] <= 100
    opened(out, 10)


def test_bins_and_neighbours_by_hand():
    from trainers.analyses.intensity import binned
    from trainers.analyses.tsne import neighbour_agreement

    curve = binned(
        np.array([0.0, 0.05, 0.5, 1.0]), np.array([10.0, 30, 50, 70]), np.array([0.0, 100, 0, 100])
    )
    assert curve.count.tolist() == [2, 0, 0, 0, 0, 1, 0, 0, 0, 1]
    assert curve.mean_ap[[0, 5, 9]].tolist() == [20, 50, 70] and np.isnan(curve.mean_ap[1])
    assert curve.recall[[0, 5, 9]].tolist() == [50, 0, 100]
    apart = np.array([[1, 0], [1, 0.1], [0, 1], [0.1, 1]], np.float32)
    # with three others each, every sticker has one neighbour of its own side and two of the other
    assert neighbour_agreement(apart, np.array([1.0, 1, -1, -1])) == pytest.approx(100 / 3)
    crowd = np.repeat(np.array([[1, 0], [0, 1]], np.float32), 11, axis=0)
    assert neighbour_agreement(crowd, np.repeat([1.0, -1], 11)) == 100
    assert np.isnan(neighbour_agreement(apart, np.array([1.0, 0, 0, 0])))


def test_analyses_want_a_png_a_checkpoint_and_one_for_attention(world, tmp_path, capsys):
    best = str(world / "run" / "best")
    assert main(["analyse", "tsne", best, "--out", "x.jpg"]) == 2
    assert "expected a file whose name ends in .png" in capsys.readouterr().err
    assert main(["analyse", "attention", best, best, "--out", str(tmp_path / "x.png")]) == 2
    assert "for one checkpoint; got 2" in capsys.readouterr().err
    assert main(["analyse", "tsne", str(world / "teacher" / "best"), "--out", str(tmp_path / "x.png")]) == 2
    assert "teacher" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words", [["train", "--ranker", "pbr"], ["average", "a", "b", "--out", "c"], ["analyse", "tsne", "a"]]
)
def test_without_torch_the_extra_is_named(words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "torch", None)
    assert main(words) == 2
    assert "sticker-retriever[train]" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
