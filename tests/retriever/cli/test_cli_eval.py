"""`sticker eval` on a small real library, with tiny real rankers."""

import json
import math
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from eval.run_folder import read_records
from retriever.cli import main
from retriever.cli.systems import KINDS, split_specs
from retriever.rankers.baselines.plain import PlainRanker, save_plain

SAID = {
    "bear/hooray": "we win, so happy, celebrate!",
    "bear/cry": "I am sad, so many tears",
    "bear/thanks": "thanks, I am grateful",
    "frog/angry": "I am mad and furious",
    "frog/sleep": "so tired, time to sleep",
}
EMOTION = dict(zip(SAID, ("happiness", "sadness", "happiness", "anger", "neutral"), strict=True))
IDS = list(SAID)


def row(at: int) -> dict[str, object]:
    gold = IDS[at % 5]
    others = [IDS[(at + 1) % 5], IDS[(at + 3) % 5]]
    candidates = [others[0], gold, others[1]] if at % 2 else [gold, *others]
    return {
        "id": f"q{at}", "utterances": [f"{SAID[gold]} {at}"], "sticker": gold, "candidates": candidates,
        "emotion": EMOTION[gold],
    }  # fmt: skip


def write_rows(folder: Path, n: int, train: int = 12) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "valid.jsonl").write_text("".join(json.dumps(row(at)) + "\n" for at in range(n)))
    # what was sent in training: the first sticker six times, the next ones three, two and one times
    sent = [0] * 6 + [1] * 3 + [2] * 2 + [3]
    lines = [json.dumps({**row(at), "id": f"t{i}"}) + "\n" for i, at in enumerate(sent[:train])]
    (folder / "train.jsonl").write_text("".join(lines))
    return folder


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    return write_rows(tmp_path / "talks", 20)


@pytest.fixture
def tiny_pbr(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    pytest.importorskip("torch")
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "rankers"))
    from tiny_pbr_model import tiny_ranker

    from retriever.rankers.pbr.ranker import save_pbr

    folder = tmp_path / "runs" / "small pbr" / "best"
    folder.mkdir(parents=True)
    ranker = tiny_ranker()
    save_pbr(folder, ranker.model, ranker.tokens)
    return folder


def evaluated(capsys: pytest.CaptureFixture[str], *words: object) -> dict[str, dict[str, dict[str, float]]]:
    """Means by protocol and system."""
    capsys.readouterr()
    assert main(["eval", *map(str, words), "--resamples", "20", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    for result in report["protocols"]:
        for system in result["systems"]:
            assert system["n"] == result["n_queries"]
    return {
        result["protocol"]: {system["name"]: system["mean"] for system in result["systems"]}
        for result in report["protocols"]
    }


def test_specs_are_divided_at_commas_but_a_folder_keeps_its_own(tmp_path: Path) -> None:
    odd = tmp_path / "pbr, small"
    odd.mkdir()
    assert split_specs(["a,b", " c ,", "a", str(odd)]) == ["a", "b", "c", str(odd)]
    assert split_specs([]) == []


def test_without_systems_everything_the_library_has_and_the_fusion(
    library: Path, dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    means = evaluated(capsys, dataset, "-l", library)
    assert list(means) == ["candidates", "exact", "library"]
    for by_system in means.values():
        assert list(by_system) == ["most frequent label", "lexical", "fused"]
    # every gold shares its words with what was said, and no other sticker does
    assert means["candidates"]["lexical"]["R@1"] == means["exact"]["lexical"]["RR"] == 1


def test_baselines_by_hand(library: Path, dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [dataset, "-l", library, "-s", "popularity,most_frequent,bm25", "-s", "random", "-p", "all"]
    means = evaluated(capsys, *words)
    assert list(means["exact"]) == ["popularity", "most frequent label", "bm25", "random"]
    # twenty queries, each gold four times; in training 6, 3, 2, 1 and 0 times
    popular = means["exact"]["popularity"]
    assert popular["R@1"] == pytest.approx(4 / 20)
    assert popular["RR"] == pytest.approx((1 + 1 / 2 + 1 / 3 + 1 / 4 + 1 / 5) / 5)
    # happiness 8 times, of two stickers; sadness 3; anger 1; neutral 0
    assert means["library"]["most frequent label"]["P@1"] == pytest.approx(8 / 20)
    again = evaluated(capsys, *words)
    assert again == means
    other = evaluated(capsys, *words, "--seed", "1")
    assert other["exact"]["random"] != means["exact"]["random"]
    assert other["exact"]["bm25"] == means["exact"]["bm25"]


def test_checkpoints_of_any_family_under_their_folders_names(
    library: Path, dataset: Path, tiny_pbr: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = tmp_path / "runs" / "counted"
    plain.mkdir(parents=True)
    save_plain(plain, PlainRanker("most_frequent", {"anger": 5, "sadness": 2}))
    (tiny_pbr.parent / "config.json").write_text('{"train": {}}')  # as `sticker train` leaves one there
    specs = ["-s", tiny_pbr, "-s", f"whole={tiny_pbr.parent}", "-s", f"{plain},bm25"]
    means = evaluated(capsys, dataset, "-l", library, *specs, "-p", "c10,all,intent", "--limit", "10")
    for by_system in means.values():
        assert list(by_system) == ["most frequent label", "small pbr", "whole", "counted", "bm25"]
        assert by_system["small pbr"] == by_system["whole"]
    # anger first: right for frog/angry alone, two of ten queries
    assert means["intent"]["counted"]["P@1"] == pytest.approx(2 / 10)


def test_candidates_alone_do_not_cost_the_whole_library(
    library: Path, tiny_pbr: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from safetensors import safe_open

    def encoded() -> int:
        shards = (library / "features").rglob("*.safetensors")
        return sum(len(json.loads(safe_open(shard, "numpy").metadata()["keys"])) for shard in shards)

    rows = write_rows(tmp_path / "one", 1)
    short = evaluated(capsys, rows, "-l", library, "-s", tiny_pbr, "-p", "c10")
    assert encoded() == 3
    long = evaluated(capsys, rows, "-l", library, "-s", tiny_pbr)
    assert encoded() == 5
    assert long["candidates"] == short["candidates"]


def test_candidates_are_fused_among_themselves(library: Path, dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = [str(dataset), "-l", str(library), "-s", "fused,lexical", "--out", str(out), "--no-report"]
    assert main(["eval", *words, "--json"]) == 0
    for record in read_records(out):
        entry = record["protocols"]["candidates"]
        said = entry["scores"]["lexical"]  # of three candidates, whatever the library's best and worst have
        expected = [(score - min(said)) / (max(said) - min(said)) for score in said]
        assert entry["scores"]["fused"] == pytest.approx(expected)


def test_the_folder_takes_a_system_more_and_leaves_the_others(
    library: Path, dataset: Path, tiny_pbr: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    words = ["-l", library, "--out", out, "--no-report"]
    first = evaluated(capsys, dataset, *words, "-s", "bm25")
    (tmp_path / "talks" / "note.txt").write_text("no part of the data")
    second = evaluated(capsys, dataset, *words, "-s", tiny_pbr, "--price-in", 1, "--price-out", 2)
    assert list(second["exact"]) == ["most frequent label", "bm25", "small pbr"]
    assert second["exact"]["bm25"] == first["exact"]["bm25"]
    capsys.readouterr()
    assert main(["eval", str(dataset), *map(str, words), "-s", "small=" + str(tiny_pbr)]) == 0
    assert "from before: bm25, small pbr" in " ".join(capsys.readouterr().err.split())
    config = json.loads((out / "config.json").read_text())
    assert config["systems"]["small pbr"]["identity"]["family"] == "pbr"
    assert len(config["systems"]["small pbr"]["identity"]["checkpoint"]) == 12
    # the same name for something else is refused
    save_plain(tiny_pbr, PlainRanker("random"))
    assert main(["eval", str(dataset), *map(str, words), "-s", str(tiny_pbr)]) == 2
    assert "system 'small pbr' with another family" in capsys.readouterr().err


def test_killed_and_started_again(library: Path, tiny_pbr: Path, tmp_path: Path) -> None:
    dataset = write_rows(tmp_path / "many", 200)
    whole, out = tmp_path / "whole", tmp_path / "out"
    code = "import sys; from retriever.cli import main; sys.exit(main(sys.argv[1:]))"
    words = ["eval", dataset, "-l", library, "-s", f"bm25,{tiny_pbr}", "-p", "c10", "--no-report", "--out"]
    command = [sys.executable, "-c", code, *map(str, words)]
    assert main([str(word) for word in (*words, whole)]) == 0
    place, killed, opened = out / "systems" / "small-pbr.jsonl", 0, []
    for _ in range(2):
        before = lines_of(place)
        child = subprocess.Popen([*command, str(out)], stdout=subprocess.DEVNULL)
        while child.poll() is None and lines_of(place) <= before:
            time.sleep(0.001)
        child.send_signal(signal.SIGKILL)
        killed += child.wait() == -signal.SIGKILL
        opened.append((out / "costs" / "bm25.jsonl").read_text().count("load"))
    assert killed == 2 and 0 < lines_of(place) < 200
    assert set(opened) == {1}  # what was finished was not opened again
    assert main([str(word) for word in (*words, out)]) == 0
    for name in ("queries.jsonl", "systems/bm25.jsonl"):
        assert (out / name).read_bytes() == (whole / name).read_bytes()
    # torch's last digits may differ from process to process
    left, wanted = (flat((folder / "systems/small-pbr.jsonl").read_text()) for folder in (out, whole))
    assert left.keys() == wanted.keys() and left == pytest.approx(wanted, rel=1e-5, abs=1e-5)
    left, wanted = (flat((folder / "report.json").read_text(), "protocols") for folder in (out, whole))
    assert left.keys() == wanted.keys() and left == pytest.approx(wanted, rel=1e-5, abs=1e-5)


def flat(text: str, only: str | None = None) -> dict[str, float]:
    """The numbers in lines of JSON by where they stand; all other values stand in the keys."""
    found: dict[str, float] = {}

    def walk(value: Any, place: str) -> None:
        if isinstance(value, dict | list):
            for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
                walk(inner, f"{place}/{key}")
        elif isinstance(value, float):
            found[place] = value
        else:
            found[f"{place}={value}"] = 0.0

    for number, line in enumerate([text] if only else text.splitlines()):
        walk(json.loads(line)[only] if only else json.loads(line), str(number))
    return found


def lines_of(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


@pytest.mark.parametrize(
    "words, said",
    [
        (["-s", "magic"], "there is no system 'magic'; expected one of " + ", ".join(KINDS)),
        (["-s", "runs/gone"], "there is no folder runs/gone"),
        (["-s", "magic:1@2"], "there is no system 'magic:1@2'"),
        (["-s", "bm25,again=bm25,again=lexical"], "two systems have the same name: again"),
        (["-s", "bm25:en"], "bm25 takes nothing after the colon"),
        (["-s", "embedding"], "was made without an encoder"),
        (["-s", "llm:gpt"], "got llm:gpt; expected llm:MODEL@http"),
        (["-s", "wanted:gpt@http://127.0.0.1:9/v1"], "this one has none"),
        (["-s", "fused:gone.toml"], "gone.toml cannot be read"),
        (["-s", "ranker", "--ranker", "none"], "leaves no ranker to measure"),
        (["--use", "ranker"], "has no scorer 'ranker'; it has lexical"),
        (["-p", "c11"], "protocol is 'c11'; expected one or more of c10, all"),
        (["--price-in", "3"], "needs both --price-in and --price-out"),
        (["--baseline", "nobody"], "there is no system 'nobody' to compare with"),
        (["--ties", "lucky"], "ties is 'lucky'; expected one of expected"),
        (["--label", "mood"], "label is 'mood'"),
        (["--policy", "luck"], "policy is 'luck'"),
        (["--reproduce", "pbr-table9"], "there is no recipe 'pbr-table9'; there are"),
    ],
)
def test_what_cannot_be_is_one_line(library: Path, dataset: Path, fails, words: list[str], said: str) -> None:
    assert said in fails("eval", dataset, "-l", library, *words)


def test_a_checkpoint_of_nothing(library: Path, dataset: Path, tmp_path: Path, fails) -> None:
    (tmp_path / "empty").mkdir()
    assert "is no checkpoint" in fails("eval", dataset, "-l", library, "-s", tmp_path / "empty")


def test_popularity_needs_a_train_split(library: Path, dataset: Path, fails) -> None:
    (dataset / "train.jsonl").unlink()
    assert "popularity counts the stickers of a train split" in fails(
        "eval", dataset, "-l", library, "-s", "popularity"
    )


def test_facts_in_the_records(library: Path, dataset: Path, tmp_path: Path) -> None:
    pytest.importorskip("vaderSentiment")
    out = tmp_path / "out"
    assert main(["eval", str(dataset), "-l", str(library), "--out", str(out), "--no-report"]) == 0
    facts = {record["facts"]["gold"]: record["facts"] for record in read_records(out)}
    assert facts["bear/hooray"]["sentiment"] > 0.9 > 0.1 > facts["frog/angry"]["sentiment"]
    assert [facts[sticker]["unseen"] for sticker in IDS] == [False] * 4 + [True]
    kept = [json.loads(line) for line in (out / "stickers.jsonl").read_text().splitlines()]
    assert all(
        Path(sticker["path"]).is_file() and math.isclose(len(sticker["sha256"]), 64) for sticker in kept
    )
