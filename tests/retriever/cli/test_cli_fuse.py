"""`sticker fuse` from end to end: the starter pack, its dialogues, and a pick by what came out."""

import json
import os
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from retriever.cli import main
from retriever.fusion.file import load_fusion
from retriever.starter import STARTER_DIALOGUES, STARTER_PACK

Fails = Callable[..., str]


@pytest.fixture(scope="module")
def starter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The starter pack, indexed."""
    root = tmp_path_factory.mktemp("starter") / "library"
    assert main(["index", str(STARTER_PACK), "--library", str(root)]) == 0
    return root


@pytest.fixture(scope="module")
def fused(starter: Path) -> Path:
    """A fusion of the starter's scorers, fitted on the dialogues that ship."""
    out = starter.parent / "fusion.toml"
    words = ["fuse", str(STARTER_DIALOGUES), "-l", str(starter), "--out", str(out), "--folds", "2"]
    assert main([*words, "--send-rate", "0.5"]) == 0
    return out


def test_the_file_says_where_it_came_from(fused: Path) -> None:
    fusion = load_fusion(fused)
    assert fusion.scorers.keys() == {"embedding", "lexical", "ranker"} and any(fusion.weights.values())
    assert fusion.provenance["datasets"]["dialogues"]["fitted_on"] == 76
    assert fusion.provenance["folds"] == 2
    text = tomllib.loads(fused.read_text(encoding="utf-8"))
    assert text["provenance"]["systems"]["fused, held out"]["R@1"]["dialogues"]["n"] == 76
    for picture in ("fusion.reliability.png", "fusion.risk-coverage.png"):
        assert (fused.parent / picture).read_bytes().startswith(b"\x89PNG")


def test_a_pick_uses_it_and_says_whether_to_send(
    starter: Path, fused: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["pick", "good night", "-l", str(starter), "--fusion", str(fused), "--json", "-k", "5"]) == 0
    answer = json.loads(capsys.readouterr().out)
    decision = load_fusion(fused).decision
    assert decision is not None and 0 <= answer["decision"]["p"] <= 1
    assert answer["decision"]["send"] == (answer["decision"]["p"] >= decision.threshold)
    for pick in answer["picks"]:
        assert pick["score"] == pytest.approx(sum(pick["parts"].values()))
    assert main(["pick", "good night", "-l", str(starter), "--fusion", str(fused)]) == 0
    assert f"p = {answer['decision']['p']:.2f}" in capsys.readouterr().out


def test_other_scorers_are_refused_in_a_line(starter: Path, fused: Path, fails: Fails) -> None:
    pick = ["pick", "hi", "-l", str(starter)]
    assert "another 'embedding'" in fails(*pick, "--fusion", str(fused), "--history", "5")
    assert "its own weights" in fails(*pick, "--fusion", str(fused), "--weight", "lexical=2")
    assert "cannot be read" in fails(*pick, "--fusion", str(fused.with_name("none.toml")))


def test_without_the_ranker_it_says_so(
    starter: Path, fused: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    text = fused.read_text(encoding="utf-8")
    fusion = load_fusion(fused)
    for name, weight in fusion.weights.items():  # whatever was fitted: here words count too
        text = text.replace(f"\n{name} = {weight!r}\n", f"\n{name} = 1.5\n", 1)
    changed = fused.with_name("words-too.toml")
    changed.write_text(text, encoding="utf-8")
    words = ["pick", "hi", "-l", str(starter), "--fusion", str(changed), "--ranker", "none", "--json"]
    assert main(words) == 0
    assert "decision" not in json.loads(capsys.readouterr().out)
    assert "fitted with ranker too, absent here" in caplog.text


def test_eval_takes_it_too(starter: Path, fused: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [
        "eval",
        str(STARTER_DIALOGUES),
        "-l",
        str(starter),
        "--fusion",
        str(fused),
        "--limit",
        "5",
        "--json",
    ]
    assert main(words) == 0
    assert "fused" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["test", "train"])
def test_test_and_train_are_refused(starter: Path, tmp_path: Path, fails: Fails, name: str) -> None:
    data = tmp_path / "data"
    data.mkdir()
    rows = (STARTER_DIALOGUES / "valid.jsonl").read_bytes()
    (data / f"{name}.jsonl").write_bytes(rows)
    said = f"a fusion is not fitted on the {name} split"
    out = ["-l", str(starter), "--out", str(tmp_path / "f.toml")]
    assert said in fails("fuse", str(data), "--split", name, *out)
    assert said in fails("fuse", str(data), *out)  # the only split there is
    assert said in fails("fuse", str(data / f"{name}.jsonl"), *out)
    assert not (tmp_path / "f.toml").exists()


def test_what_cannot_be_asked(starter: Path, tmp_path: Path, fails: Fails) -> None:
    fuse = ["fuse", str(STARTER_DIALOGUES), "-l", str(starter), "--out", str(tmp_path / "f.toml")]
    assert "no scorer 'bm25'; there are embedding, lexical, ranker" in fails(*fuse, "--scorers", "bm25")
    assert "a fusion takes two or more" in fails(*fuse, "--scorers", "lexical")
    assert "give one of them" in fails(*fuse, "--send-rate", "0.3", "--precision", "0.6")
    assert "expected a number above 0" in fails(*fuse, "--send-rate", "30")
    assert "is a folder; give the file to write" in fails(*fuse, "--out", str(tmp_path))
    assert "there is no checkpoint" in fails(*fuse, "--ranker", "mine=/nowhere")
    assert "expected different names" in fails(*fuse, "--ranker", "auto", "--ranker", "none")
    assert "expected different names and" in fails(*fuse, str(STARTER_DIALOGUES))


def test_a_second_ranker_goes_by_its_own_name(
    starter: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same checkpoint under another name: as good as the first, and found again by the file."""
    from retriever.checkpoints import STARTER

    out = tmp_path / "two.toml"
    words = [
        "fuse",
        str(STARTER_DIALOGUES),
        "-l",
        str(starter),
        "--out",
        str(out),
        "--folds",
        "2",
        "--limit",
        "24",
    ]
    words += ["--ranker", "auto", "--ranker", f"twin={STARTER}", "--scorers", "ranker,ranker:twin,lexical"]
    assert main([*words, "--no-decide", "--no-leave-one-out"]) == 0
    fusion = load_fusion(out)
    assert fusion.scorers["ranker"] == fusion.scorers["ranker:twin"]
    assert fusion.checkpoints == {"ranker:twin": str(STARTER)} and fusion.decision is None
    capsys.readouterr()
    assert main(["pick", "hi", "-l", str(starter), "--fusion", str(out), "--json"]) == 0
    (first, *_) = json.loads(capsys.readouterr().out)["picks"]
    assert first["scores"]["ranker"] == pytest.approx(first["scores"]["ranker:twin"])


def test_a_killed_score_pass_goes_on(
    starter: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], fails: Fails
) -> None:
    """Killed after its first shard; the next run keeps it and ends with the numbers of an undisturbed run."""
    rows = [json.loads(line) for line in (STARTER_DIALOGUES / "valid.jsonl").read_text("utf-8").splitlines()]
    data, kept = tmp_path / "many", tmp_path / "scores"
    data.mkdir()
    many = [row | {"id": f"{row['id']}-{copy}"} for copy in range(6) for row in rows]  # 456: two shards
    (data / "valid.jsonl").write_text("".join(json.dumps(row) + "\n" for row in many), "utf-8")
    words = ["fuse", str(data), "-l", str(starter), "--scorers", "embedding,lexical", "--folds", "2"]
    words += ["--no-leave-one-out", "--no-decide", "--json", "--out", str(tmp_path / "f.toml"), "--cache"]
    run = "import sys; from retriever.cli import main; sys.exit(main(sys.argv[1:]))"
    process = subprocess.Popen([sys.executable, "-c", run, *words, str(kept)], stdout=subprocess.DEVNULL)
    waited = time.monotonic() + 300
    while not (first := list(kept.rglob("000000.npz"))):
        assert process.poll() is None and time.monotonic() < waited
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    made = first[0].stat().st_mtime_ns
    assert not list(kept.rglob("000001.npz"))
    (first[0].parent / ".000001.npz.part").write_bytes(b"torn")
    capsys.readouterr()
    assert main([*words, str(kept)]) == 0
    again = json.loads(capsys.readouterr().out)
    assert first[0].stat().st_mtime_ns == made
    assert main([*words, str(tmp_path / "others")]) == 0
    assert json.loads(capsys.readouterr().out)["systems"] == again["systems"]
    for name in ("000000.npz", "000001.npz"):
        (one,), (other,) = kept.rglob(name), (tmp_path / "others").rglob(name)
        with np.load(one) as a, np.load(other) as b:
            assert a["ids"].tolist() == b["ids"].tolist()
            # batches of other sizes round differently in the last bit
            assert np.allclose(a["near"], b["near"], atol=1e-5)
    first[0].write_bytes(first[0].read_bytes()[:200])
    assert "is damaged" in fails(*words, str(kept))
