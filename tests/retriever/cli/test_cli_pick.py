"""`sticker pick` as a user and as a program meet it."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from shutil import copytree

import pytest

from retriever.checkpoints import STARTER
from retriever.cli import main
from retriever.cli.options import Scoring
from retriever.fusion.default import METHOD

Fails = Callable[..., str]


def answers(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_commands_fuse_like_the_library_where_nobody_says() -> None:
    assert Scoring().fusion == METHOD


@pytest.mark.parametrize(
    ("text", "best"),
    [
        ("thank you!", "bear/thanks"),
        ("I am so angry", "frog/angry"),
        ("晚安", "frog/sleep"),
        ("我很难过", "bear/cry"),
    ],
)
def test_words_find_their_sticker(
    library: Path, capsys: pytest.CaptureFixture[str], text: str, best: str
) -> None:
    assert main(["pick", text, "-l", str(library), "-k", "2", "--json"]) == 0
    (answer,) = answers(capsys)
    picks = answer["picks"]
    assert isinstance(picks, list) and [pick["rank"] for pick in picks] == [1, 2]
    assert picks[0]["id"] == best
    assert Path(picks[0]["path"]).is_file()
    assert picks[0]["scores"].keys() == {"lexical"} and picks[0]["scores"]["lexical"] > 0


def test_the_table_names_sticker_and_scores(library: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pick", "hi [b]there[/b]", "thank you", "-l", str(library)]) == 0
    out = capsys.readouterr().out
    assert "hi [b]there[/b]" in out  # user text is no markup
    assert "bear/thanks" in out and "lexical" in out


def test_a_file_of_conversations_and_stdin(
    library: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [
        {"id": "a", "utterances": [{"speaker": "X", "text": "good night"}], "mode": "reply"},
        {"id": "b", "utterances": ["so", "very angry"], "mode": "supplement"},
    ]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    file = tmp_path / "talk.jsonl"
    file.write_text(text, encoding="utf-8")
    assert main(["pick", "--conversation", str(file), "-l", str(library), "--json"]) == 0
    from_file = answers(capsys)
    assert [answer["id"] for answer in from_file] == ["a", "b"]

    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    assert main(["pick", "-c", "-", "-l", str(library), "--json"]) == 0
    assert answers(capsys) == from_file


def test_a_bad_line_is_told_and_the_others_are_answered(
    library: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "talk.jsonl"
    file.write_text(
        '{"id": "a", "utterances": ["thank you"]}\n{"id": "b"\n{"id": "c", "utterances": ["good night"]}\n'
    )
    assert main(["pick", "-c", str(file), "-l", str(library), "--json"]) == 2
    captured = capsys.readouterr()
    assert [json.loads(line)["id"] for line in captured.out.splitlines()] == ["a", "c"]
    assert "talk.jsonl" in captured.err and "line 2" in captured.err


def test_filters_and_the_sheet(library: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from PIL import Image

    sheet = tmp_path / "sheet.png"
    words = [
        "pick",
        "thank you",
        "-l",
        str(library),
        "--pack",
        "frog",
        "-k",
        "2",
        "--json",
        "--sheet",
        str(sheet),
    ]
    assert main(words) == 0
    (answer,) = answers(capsys)
    assert isinstance(answer["picks"], list)
    assert {pick["pack"] for pick in answer["picks"]} == {"frog"}
    with Image.open(sheet) as image:
        assert image.width > 200 and image.height > 100


def test_what_is_wrong_is_said_in_one_line(library: Path, tmp_path: Path, fails: Fails) -> None:
    assert "sticker index PACK" in fails("pick", "hi", "-l", tmp_path / "nothing")
    (tmp_path / "bare").mkdir()
    assert "sticker index PACK" in fails("pick", "hi", "-l", tmp_path / "bare")
    assert "no text" in fails("pick", "", "-l", library)
    assert "no text" in fails("pick", " ", "\n", "-l", library)
    assert "--conversation" in fails("pick", "-l", library)
    assert "--conversation" in fails("pick", "hi", "-c", "-", "-l", library)
    assert "k is 0" in fails("pick", "hi", "-l", library, "-k", 0)
    assert "only 5 stickers" in fails("pick", "hi", "-l", library, "-k", 6)
    assert "leave only 1" in fails("pick", "hi", "-l", library, "-k", 2, "--emotion", "anger")
    assert "no sticker passes" in fails("pick", "hi", "-l", library, "--emotion", "anger", "--pack", "bear")
    assert "did you mean 'happiness'" in fails("pick", "hi", "-l", library, "--emotion", "hapiness")
    assert "mode is 'shout'" in fails("pick", "hi", "-l", library, "--mode", "shout")
    assert "has no scorer 'embedding'" in fails("pick", "hi", "-l", library, "--use", "embedding")
    assert "NAME=NUMBER" in fails("pick", "hi", "-l", library, "--weight", "lexical")
    assert "no fusion method" in fails("pick", "hi", "-l", library, "--fusion", "magic")
    assert "recall is 'guess'" in fails("pick", "hi", "-l", library, "--recall", "guess")
    assert "cannot be read" in fails("pick", "-c", tmp_path / "absent.jsonl", "-l", library)
    assert "cannot be read" in fails("pick", "-c", tmp_path, "-l", library)


def test_the_library_can_come_from_the_environment(
    library: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STICKER_LIBRARY", str(library))
    assert main(["pick", "thank you", "--json"]) == 0
    assert answers(capsys)


def test_a_chat_cannot_steer_the_terminal(library: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pick", "thank you\x1b[2J\x07 dear\n\u202efriend", "-l", str(library)]) == 0
    shown = capsys.readouterr().out
    assert "thank you\ufffd[2J\ufffd dear \ufffdfriend" in shown
    assert not set(shown) & set("\x1b\x07\u202e")


@pytest.mark.parametrize("text", ["party \ud83c", "caf\udce9"])
def test_text_that_is_cut_within_a_character(library: Path, fails: Fails, text: str) -> None:
    told = fails("pick", text, "-l", str(library))
    assert "utterances.0 holds half a surrogate pair, or bytes that are no UTF-8" in told


def test_a_folder_where_a_file_goes_is_one_line(
    library: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sheet = tmp_path / "sheet.png"
    sheet.mkdir()
    assert main(["pick", "hi", "-l", str(library), "--sheet", str(sheet)]) == 2
    told = capsys.readouterr().err.strip().splitlines()[-1]
    assert told == f"sticker: {sheet}: Is a directory"


def test_a_library_below_a_file_is_one_line(tmp_path: Path, fails: Fails) -> None:
    (tmp_path / "file").touch()
    assert "Not a directory" in fails("index", "starter", "-l", str(tmp_path / "file" / "library"))


def test_ctrl_c_says_how_to_go_on(
    library: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("retriever.chain.StickerRetriever.pick", stopped)
    monkeypatch.setattr("retriever.chain.StickerRetriever.batch", stopped, raising=False)
    monkeypatch.setattr("retriever.chain.StickerRetriever.open", stopped)
    assert main(["pick", "hi", "-l", str(library)]) == 130
    said = capsys.readouterr()
    assert said.out == "" and "stopped; run the same command again to go on" in said.err


def test_the_folder_of_a_run_is_as_good_as_its_checkpoint(
    library: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copytree(STARTER, tmp_path / "run" / "best")
    (tmp_path / "run" / "config.json").write_text('{"family": "dual", "epochs": 4}')
    told = []
    for folder in (tmp_path / "run", tmp_path / "run" / "best"):
        assert main(["pick", "thank you", "-l", str(library), "--ranker", str(folder), "--json"]) == 0
        told.append(capsys.readouterr().out)
    assert told[0] == told[1] and "ranker" in told[0]
