"""Any format as a native dataset: the same samples, whole or not at all, and never over something else."""

import json
import signal
import subprocess
import sys
import time

import pytest
from curation_worlds import write_world
from format_worlds import WRITERS
from mod_world import write_mod
from ranking_worlds import dialogue, write_native, write_stickerchat

from eval.curation.convert import convert
from eval.curation.write import ABOUT
from eval.datasets import open_dataset, open_stickers, splits_of
from eval.datasets.frozen import load_frozen
from eval.harness import evaluate
from retriever.cli import main
from retriever.errors import InputError
from retriever.packs import open_pack
from retriever.packs.decode import decode
from retriever.packs.entry import PackEntry


@pytest.mark.parametrize("name", WRITERS)
def test_what_comes_out_is_what_went_in(tmp_path, name):
    root = WRITERS[name](tmp_path / "data")
    done = convert(root, tmp_path / "out")
    assert done.new
    before = {entry.id: entry for entry in open_stickers(root)}
    after = {entry.id: entry for entry in open_pack(tmp_path / "out" / "stickers")}
    assert list(after) == list(before)  # in the same order
    for id_, entry in before.items():
        assert isinstance(entry, PackEntry) and after[id_].pack == entry.pack
        assert after[id_].annotations == entry.annotations and not after[id_].notices
        assert decode(after[id_].read()).frames[0] == decode(entry.read()).frames[0]
    _, splits = splits_of(root)
    if not splits:
        return
    kind, made = splits_of(tmp_path / "out")
    assert kind.name == "native" and set(made) == set(splits)
    for split in splits:
        was = list(open_dataset(root, split).samples())
        now = list(open_dataset(tmp_path / "out", split).samples(strict=True))
        assert [(s.gold, s.emotion, s.emoji, s.intention, s.dialogue) for s in now] == [
            (s.gold, s.emotion, s.emoji, s.intention, s.dialogue) for s in was
        ]
        for a, b in zip(was, now, strict=True):
            assert (a.conversation.utterances, a.conversation.mode, a.conversation.reply_speaker) == (
                b.conversation.utterances, b.conversation.mode, b.conversation.reply_speaker,
            )  # fmt: skip
            assert a.conversation.id == b.conversation.id
            assert a.candidates == b.candidates


def test_inferences_go_where_training_looks_for_them(tmp_path):
    from retriever.conversations import conversation_hash
    from retriever.store.tables import inferences_of, is_inferred

    root = WRITERS["stickerint"](tmp_path / "data")
    convert(root, tmp_path / "out")
    rows = [json.loads(line) for line in (tmp_path / "out" / "inferences.jsonl").read_text().splitlines()]
    assert all(map(is_inferred, rows))
    said = {row["conversation"]: inferences_of(row) for row in rows}
    for split in ("train", "valid", "test"):
        for sample in open_dataset(root, split).samples():
            assert said[conversation_hash(sample.conversation)] == sample.conversation.inferences


def test_named_policies_are_frozen_and_the_first_is_in_the_rows(tmp_path):
    root = write_stickerchat(tmp_path / "data")
    done = convert(root, tmp_path / "out", policies=("pbr_released", "srs_first9"), seed=7)
    frozen = load_frozen(tmp_path / "out" / "candidates" / "candidates-pbr_released-7-valid.jsonl")
    first = next(iter(open_dataset(tmp_path / "out").samples()))
    assert frozen.choices["valid-1"][0].count("501/50105") == 2  # faithful, the rows without repetition
    assert len(first.candidates) == 9 and first.candidates[0] == "501/50105"
    assert done.counts["valid"]["candidates"]["pbr_released"] == frozen.counts
    assert frozen.counts == {"rows": 3, "duplicate_gold": 2, "padded_rows": 1, "padded_slots": 5}
    again = open_dataset(tmp_path / "out", policy="srs_first9", seed=7)
    assert [s.candidates for s in again.samples()] == [
        s.candidates for s in open_dataset(root, policy="srs_first9", seed=7).samples()
    ]
    about = json.loads((tmp_path / "out" / ABOUT).read_text())
    assert about["made_of"]["policies"] == ["pbr_released", "srs_first9"] and about["made_of"]["seed"] == 7


def test_frozen_lists_are_those_that_training_freezes(tmp_path):
    """The same policy, seed and rows: a ranker is validated on the lists that it is measured on."""
    from trainers.datasets.stickerchat import load_stickerchat, open_sets

    root = write_stickerchat(tmp_path / "data")
    convert(root, tmp_path / "out", policies=("random_same_set",), seed=11)
    images, mapping, _ = open_sets(root, tmp_path / "cache", 8)
    trained = load_stickerchat(root, "valid", images, mapping, "random_same_set", seed=11)
    frozen = load_frozen(tmp_path / "out" / "candidates" / "candidates-random_same_set-11-valid.jsonl")
    assert {s.id: (s.candidates, s.gold) for s in trained.samples} == frozen.choices


def test_stickers_that_cannot_be_read_become_empty_slots(tmp_path):
    root = write_mod(tmp_path / "data")
    (root / "meme_set" / "m5.png").unlink()
    (root / "meme_set" / "m0.png").write_bytes(b"")
    done = convert(root, tmp_path / "out")
    assert done.counts["stickers"]["unusable"] == {"missing_file": 1, "empty": 1}
    (row, second) = open_dataset(tmp_path / "out").samples()
    assert row.candidates == ("001", "003") and second.gold == "000"  # kept: it is counted where it is judged
    assert second.candidates == ("001", "002")
    assert (done.counts["valid"]["empty_slots"], done.counts["valid"]["sticker_not_there"]) == (2, 1)
    chat = write_stickerchat(tmp_path / "chat", [dialogue(501, 50105), dialogue(501, 99)])
    counts = convert(chat, tmp_path / "chat-out").counts["train"]
    assert (counts["rows"], counts["sticker_not_there"]) == (2, 1)


def test_policies_that_cannot_be(tmp_path):
    root = write_stickerchat(tmp_path / "data")
    with pytest.raises(
        InputError, match="policy of negatives is 'best'; expected every or some of given, all"
    ):
        convert(root, tmp_path / "out", policies=("best",))
    with pytest.raises(InputError, match="policy 'given' is not for stickerchat data"):
        convert(root, tmp_path / "out", policies=("given",))
    bare = write_native(tmp_path / "native")
    rows = [json.loads(line) for line in (bare / "stickers" / "stickers.jsonl").read_text().splitlines()]
    text = "".join(json.dumps({k: v for k, v in row.items() if k != "emotion"}) + "\n" for row in rows)
    (bare / "stickers" / "stickers.jsonl").write_text(text)
    with pytest.raises(InputError, match="has no label, which other_label_same_pack needs"):
        convert(bare, tmp_path / "out", policies=("other_label_same_pack",))
    assert not (tmp_path / "out").exists() and not list(tmp_path.glob(".tmp-*"))
    done = convert(bare, tmp_path / "out", policies=("every",))
    told = done.counts["train"]["candidates"]["other_label_same_pack"]
    assert told.startswith("not possible: sample train-0: its sticker")
    assert done.counts["train"]["candidates"]["random"]["rows"] == 24


def test_nothing_is_written_over(tmp_path):
    root = write_stickerchat(tmp_path / "data")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="holds something else; name a folder that is not there yet"):
        convert(root, tmp_path / "full")
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["mine.txt"]
    (tmp_path / "empty").mkdir()
    assert convert(root, tmp_path / "empty").new
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "empty").rglob("*")}
    assert not convert(root, tmp_path / "empty").new
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "empty").rglob("*")} == before
    with pytest.raises(InputError, match="holds something else"):
        convert(root, tmp_path / "empty", seed=1)
    (root / "release_val.json").write_text(json.dumps(dialogue(501, 50101)) + "\n")
    with pytest.raises(InputError, match="holds something else"):
        convert(root, tmp_path / "empty")


CHILD = """
import sys, time
from eval.curation import stickers
whole = stickers._copied
def slow(*a):
    time.sleep(1)
    return whole(*a)
stickers._copied = slow
from eval.curation.convert import convert
convert(sys.argv[1], sys.argv[2])
"""


def test_a_kill_leaves_nothing_that_looks_finished(tmp_path):
    root = write_native(tmp_path / "data")
    child = subprocess.Popen([sys.executable, "-c", CHILD, root, tmp_path / "out"])
    until = time.monotonic() + 120
    while not list(tmp_path.glob(".tmp-*/stickers/images/*/*")) and time.monotonic() < until:
        time.sleep(0.01)
    assert child.poll() is None
    # another run beside it neither takes its folder away nor is disturbed
    convert(root, tmp_path / "other")
    assert list(tmp_path.glob(".tmp-*-out"))
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert not (tmp_path / "out").exists() and list(tmp_path.glob(".tmp-*-out"))
    assert convert(root, tmp_path / "out").new
    assert not list(tmp_path.glob(".tmp-*"))
    whole = sorted(path.relative_to(tmp_path / "other") for path in (tmp_path / "other").rglob("*"))
    assert sorted(path.relative_to(tmp_path / "out") for path in (tmp_path / "out").rglob("*")) == whole


@pytest.mark.parametrize("name", ["stickerchat", "mod", "stickerint", "stickerqueries", "native"])
def test_foreign_data_are_measured_as_they_are_and_converted_alike(tmp_path, name):
    """``sticker eval`` on the folder itself and on its conversion gives the same figures."""
    from types import SimpleNamespace

    import numpy as np

    root = WRITERS[name](tmp_path / "data")
    convert(root, tmp_path / "out")
    library = [
        SimpleNamespace(
            id=entry.id,
            emotion=said.emotion,
            emoji=said.emoji,
            intention=said.intention,
            attributes=said.attributes,
        )
        for entry in open_stickers(root)
        for said in (entry.annotations,)
    ]
    split = "en" if name == "stickerqueries" else "valid"
    noise = {"noise": np.random.default_rng(1).random(len(library))}
    reports = []
    for place in (root, tmp_path / "out"):
        try:
            reports.append(
                evaluate(place, library, lambda _: noise, split=split, resamples=20, show_progress=False)
            )
        except InputError as error:  # no labels and no candidates: said so, in both
            reports.append(str(error).replace(str(place), "").replace("data", "out"))
    first, second = reports
    if isinstance(first, str):
        assert first == second
        return
    assert first.n_rows == second.n_rows > 0 and first.n_bad_rows == second.n_bad_rows == 0
    for a, b in zip(first.protocols, second.protocols, strict=True):
        assert (a.n_queries, a.skipped) == (b.n_queries, b.skipped)
        if a.n_queries:
            assert a.system("noise").mean == b.system("noise").mean


# The command


def test_the_command(tmp_path, capsys):
    world = write_world(tmp_path / "world")
    assert main(["data", "inspect", str(world), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["splits"]["train"]["rows"] == 120 and told["stickers"]["near_groups"] == 5
    assert main(["data", "inspect", str(world)]) == 0
    shown = capsys.readouterr().out
    assert "utterances a row" in shown and "groups of equal bytes" in shown
    assert main(["data", "convert", str(world), "--out", str(tmp_path / "c"), "--policy", "random"]) == 0
    out = capsys.readouterr()
    assert "written:" in out.err and "candidates: random: rows" in out.out
    assert main(["data", "convert", str(world), "--out", str(tmp_path / "c"), "--policy", "random"]) == 0
    out = capsys.readouterr()
    assert "is there already" in out.err and not out.out
    command = [
        "data",
        "split",
        str(world),
        "--out",
        str(tmp_path / "s"),
        "--unseen-stickers",
        "0.2",
        "--json",
    ]
    assert main(command) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["new"] and told["train"]["rows"] + told["valid"]["rows"] + told["rows_left_out"] == 120
    assert main(["data", "inspect", str(tmp_path / "s"), "--no-images"]) == 0
    assert "valid in train" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["inspect", "nowhere"], "there is no dataset at nowhere"),
        (["inspect", ".", "--format", "coco"], "format is 'coco'; expected one of"),
        (["convert", ".", "--out", "x", "--to", "csv"], "--to is 'csv'; expected native"),
        (["split", ".", "--out", "x", "--dialogues", "burn"], "dialogues is 'burn'; expected one of auto"),
    ],
)
def test_bad_input_is_one_line(tmp_path, monkeypatch, capsys, words, told):
    monkeypatch.chdir(tmp_path)
    assert main(["data", *words]) == 2
    err = capsys.readouterr().err
    assert told in err and err.count("\n") == 1
