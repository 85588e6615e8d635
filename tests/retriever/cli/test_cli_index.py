"""`sticker index` as a user meets it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from retriever.cli import main
from retriever.starter import STARTER_PACK

Fails = Callable[..., str]


def run_json(capsys: pytest.CaptureFixture[str], *words: object) -> dict[str, object]:
    capsys.readouterr()
    assert main([*map(str, words), "--json"]) == 0
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    value: dict[str, object] = json.loads(out)
    return value


def test_new_changed_deleted_and_nothing(
    pack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    library = tmp_path / "library"
    first = run_json(capsys, "index", pack, "-l", library, "-e", "none")
    assert (first["total"], first["added"], first["encoders"], first["up_to_date"]) == (5, 5, [], False)

    again = run_json(capsys, "index", pack, "-l", library)
    assert (again["added"], again["unchanged"], again["up_to_date"]) == (0, 5, True)
    assert again["index"] == first["index"]

    rows = (pack / "stickers.jsonl").read_text(encoding="utf-8").splitlines()
    changed = rows[0].replace('"en": "hooray"', '"en": "yippee"')
    (pack / "stickers.jsonl").write_text("\n".join([changed, *rows[2:]]) + "\n", encoding="utf-8")
    third = run_json(capsys, "index", pack, "-l", library)
    assert (third["added"], third["changed"], third["removed"], third["unchanged"]) == (0, 1, 1, 3)
    assert third["total"] == 4 and third["index"] != first["index"]


def test_a_broken_image_is_told_and_the_rest_is_indexed(
    pack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = (pack / "bear-cry.png").read_bytes()
    (pack / "bear-cry.png").write_bytes(good[: len(good) // 2])
    assert main(["index", str(pack), "-l", str(tmp_path / "library"), "-e", "none"]) == 0
    out, err = capsys.readouterr()
    assert "1 quarantined: 1 truncated" in err and "bear-cry.png" in err
    assert "4" in out and "quarantined" in out


def test_rebuild_after_the_whole_index_is_gone(library: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import shutil

    shutil.rmtree(library / "index")
    (library / "CURRENT").unlink()
    report = run_json(capsys, "index", "--rebuild", "-l", library)
    assert (report["total"], report["encoded"]) == (5, 0)
    assert main(["pick", "good night", "-l", str(library)]) == 0


def test_the_built_in_pack_has_a_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = run_json(capsys, "index", "starter", "-l", tmp_path / "library", "-e", "none")
    assert report["source"] == str(STARTER_PACK)
    assert report["total"] == report["added"] and report["quarantined"] == []


def test_what_is_wrong_is_said_in_one_line(pack: Path, library: Path, tmp_path: Path, fails: Fails) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "no pack given" in fails("index", "-l", library)
    assert "/not/there" in fails("index", "/not/there", "-l", library)
    assert str(empty) in fails("index", empty, "-l", library)
    assert "--rebuild" in fails("index", pack, "--rebuild", "-l", library)
    assert "sticker index PACK" in fails("index", "--rebuild", "-l", tmp_path / "nothing")
    assert "unknown scheme" in fails("index", pack, "-l", tmp_path / "new", "-e", "word2vec")
    assert "--reencode" in fails("index", pack, "-l", library, "-e", "minilm")
    assert "http://HOST:PORT" in fails(
        "index", pack, "-l", tmp_path / "new", "-e", "none", "--chroma", "nonsense"
    )
    assert "--frobnicate" in fails("index", pack, "--frobnicate")


def test_a_library_that_fails_to_change_still_answers(library: Path, tmp_path: Path, fails: Fails) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "x.png").write_bytes(b"")
    assert "nothing was changed" in fails("index", broken, "-l", library)
    fails("index", tmp_path / "gone", "-l", library)
    assert main(["pick", "thank you", "-l", str(library)]) == 0
