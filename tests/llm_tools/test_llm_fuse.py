"""A language model among the scorers that are fused, through the command, with a scripted server."""

import json
import math
import shutil
from pathlib import Path
from typing import Any

import pytest
from bad_server import Answer
from scripted import completion, data_lines, scripted_server
from sticker_world import build_library

from retriever.cli import main
from retriever.fusion.file import load_fusion

WANTED = {"birthday": "cats/party", "tired": "dogs/sleepy", "present": "dogs/thanks", "broken": "cats/sorry"}
KNOWN = {"birthday": "confetti", "tired": "bed", "present": "thank", "broken": "bows"}
"""What only the model knows: no word that is said stands in a sticker's document."""

OTHERS = ("dogs/hug", "dogs/hostile")


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_library(tmp_path_factory.mktemp("fused"))


@pytest.fixture
def talks(tmp_path: Path) -> Path:
    """Twelve conversations with three candidates each; what is said tells the gold to whoever knows."""
    rows = [
        {"id": f"{word}-{at}", "utterances": [f"{word} {'please' if at else 'now'} {at}"], "sticker": gold,
         "candidates": [OTHERS[0], gold, OTHERS[1]]}
        for word, gold in WANTED.items() for at in range(3)
    ]  # fmt: skip
    path = tmp_path / "talks.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def agrees(body: dict[str, Any], _: int) -> Answer:
    """Yes, nine to one, to the sticker that suits what was said; else no."""
    word = KNOWN[data_lines(body, "conversation")[0]["text"].split()[0]]
    p = 0.9 if word in json.dumps(data_lines(body, "stickers")) else 0.1
    return completion("yes", [{"yes": math.log(p), "no": math.log(1 - p)}])


def fuse(talks: Path, library: Path, scorers: str, out: Path, *more: str) -> list[str]:
    return ["fuse", str(talks), "-l", str(library), "--scorers", scorers, "--out", str(out), "--folds", "2",
            "--no-leave-one-out", *more]  # fmt: skip


def test_it_is_fitted_kept_and_picked_with(
    library: Path, talks: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "f.toml"
    with scripted_server(agrees) as server:
        words = fuse(talks, library, f"lexical,llm:scripted@{server.url}", out, "--json")
        assert main(words) == 0
        assert len(server.calls) == 12 * 3  # the candidates, and nothing else
        told = capsys.readouterr()
        report = json.loads(told.out)
        assert report["systems"]["llm"]["R@1"]["talks"]["mean"] == 1
        assert "scripted: 36 calls" in told.err
        assert main(words) == 0 and len(server.calls) == 36  # the scores are kept
        for shards in (tmp_path / "f.toml.scores").iterdir():
            if shards.name != "llm":
                shutil.rmtree(shards)
        assert main(words) == 0 and len(server.calls) == 36  # and so are the answers
        assert "36 answers known before" in capsys.readouterr().err

        fusion = load_fusion(out)
        assert fusion.weights["llm"] > 0 and fusion.decision is None
        assert fusion.llm is not None
        assert (fusion.llm.scorer, fusion.llm.model, fusion.llm.method) == ("llm", "scripted", "pointwise")
        assert fusion.scorers["llm"].startswith("scripted, pointwise, prompt ")

        pick = ["pick", "tired now", "-l", str(library), "--fusion", str(out), "--json", "-k", "2"]
        assert main([*pick, "--llm", server.url]) == 0
        # six stickers are asked about, and nothing is inferred: the fusion was fitted without
        assert len(server.calls) == 36 + 6
        first, second = json.loads(capsys.readouterr().out)["picks"]
        assert first["id"] == "dogs/sleepy"
        assert first["scores"]["llm"] == pytest.approx(0.9) and second["scores"]["llm"] == pytest.approx(0.1)
        assert first["parts"]["llm"] == pytest.approx(0.9 * fusion.weights["llm"])


def line(capsys: pytest.CaptureFixture[str], words: list[str]) -> str:
    """The one line that a refused command says."""
    capsys.readouterr()
    assert main(words) == 2
    told = capsys.readouterr()
    assert told.out == "" and told.err.count("\n") == 1
    return told.err


def test_what_is_refused(
    library: Path, talks: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "f.toml"
    with scripted_server(agrees) as server:
        spec = f"llm:@{server.url}"  # its only model
        assert main(fuse(talks, library, spec, out)) == 0  # alone: beside all that the library has
        assert load_fusion(out).scorers.keys() == {"lexical", "llm"}
        pick = ["pick", "tired now", "-l", str(library), "--fusion", str(out)]
        said = line(capsys, pick)
        assert "was fitted with the language model scripted (pointwise)" in said and "--llm http" in said
        assert "fitted with another 'llm'" in line(
            capsys, [*pick, "--llm", server.url, "--llm-score", "listwise"]
        )
        evaluated = ["eval", str(talks), "-l", str(library), "-s", f"lexical,fused:{out}"]
        assert "was fitted with the language model scripted" in line(capsys, evaluated)
        two = fuse(talks, library, f"{spec},llm:other@{server.url}", tmp_path / "g.toml")
        assert "fuse one of them" in line(capsys, two)
        odd = fuse(talks, library, "lexical,llm:scripted", tmp_path / "g.toml")
        assert "expected llm:MODEL@http" in line(capsys, odd)
    text = out.read_text().replace('scorer = "llm"', 'scorer = "someone"')
    (tmp_path / "bad.toml").write_text(text)
    assert "'someone' is none of its scorers" in line(capsys, [*pick[:-1], str(tmp_path / "bad.toml")])


def test_unusable_answers_are_counted_and_a_server_that_is_gone_is_an_error(
    library: Path, talks: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def mumbles(body: dict[str, Any], number: int) -> Answer:
        if data_lines(body, "conversation")[0]["text"] == "tired please 2":
            return completion("well, perhaps", [{"well": -0.1}])
        return agrees(body, number)

    out = tmp_path / "f.toml"
    with scripted_server(mumbles) as server:
        words = fuse(talks, library, f"lexical,llm:scripted@{server.url}", out, "--json")
        assert main(words) == 0
        told = capsys.readouterr()
        assert "no usable answer to 1 conversations" in told.err
        # eleven are right, and three that score the same are right in one of three orders
        assert json.loads(told.out)["systems"]["llm"]["R@1"]["talks"]["mean"] == pytest.approx(
            (11 + 1 / 3) / 12
        )
    gone = fuse(talks, library, f"lexical,llm:scripted@{server.url}", tmp_path / "g.toml")
    assert "server" in line(capsys, gone)
    assert not list((tmp_path / "g.toml.scores").rglob("*.npz"))
