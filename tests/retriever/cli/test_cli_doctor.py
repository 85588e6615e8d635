"""`sticker doctor` finds what was broken on purpose, and repairs it."""

import json
from pathlib import Path

import pytest

from retriever.cli import main


def findings(capsys: pytest.CaptureFixture[str], library: Path, *words: str) -> tuple[int, dict[str, str]]:
    """Exit code, and the level of every check."""
    capsys.readouterr()
    code = main(["doctor", "-l", str(library), "--json", *words])
    value = json.loads(capsys.readouterr().out)
    levels: dict[str, str] = {}
    for finding in value["findings"]:
        if levels.get(finding["check"]) != "problem":
            levels[finding["check"]] = finding["level"]
    return code, levels


def test_a_whole_library_has_no_problem(library: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, levels = findings(capsys, library)
    assert code == 0
    assert levels["index"] == levels["manifest"] == levels["journal stickers"] == levels["images"] == "ok"


def test_no_library_is_no_problem_but_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, levels = findings(capsys, tmp_path / "none")
    assert (code, levels["library"]) == (0, "note")


def test_a_damaged_journal_line_is_set_aside(library: Path, capsys: pytest.CaptureFixture[str]) -> None:
    journal = library / "journal" / "stickers.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    lines[1] = b"\x00\x00garbage\n"
    journal.write_bytes(b"".join(lines))
    code, levels = findings(capsys, library)
    assert (code, levels["journal stickers"]) == (2, "problem")
    code, levels = findings(capsys, library, "--repair")
    assert (code, levels["journal stickers"]) == (0, "ok")
    assert journal.with_name("stickers.jsonl.damaged").read_bytes() == b"\x00\x00garbage\n"


def test_a_broken_chroma_folder_is_found_and_made_anew(
    library: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = (library / "CURRENT").read_text().strip()
    (library / "index" / name / "chroma" / "chroma.sqlite3").write_bytes(b"not a database" * 1000)
    assert main(["pick", "thank you", "-l", str(library)]) == 0  # exact recall does not need it
    code, levels = findings(capsys, library)
    assert (code, levels["index"]) == (2, "problem")
    code, levels = findings(capsys, library, "--repair")
    assert (code, levels["index"]) == (0, "ok")
    assert (library / "CURRENT").read_text().strip() > name


def test_a_lost_manifest_comes_back_from_the_index(library: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (library / "library.json").read_bytes()
    (library / "library.json").write_bytes(before[:40])
    code, levels = findings(capsys, library)
    assert (code, levels["manifest"]) == (2, "problem")
    code, levels = findings(capsys, library, "--repair")
    assert (code, levels["manifest"]) == (0, "ok")
    assert json.loads((library / "library.json").read_bytes()) == json.loads(before)


def test_a_vanished_image_is_a_problem_that_names_it(
    library: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = (library / "CURRENT").read_text().strip()
    row = json.loads(
        (library / "index" / name / "stickers.jsonl").read_text(encoding="utf-8").splitlines()[0]
    )
    image = Path(row["path"])
    kept = image.read_bytes()
    image.unlink()
    try:
        code = main(["doctor", "-l", str(library)])
        assert code == 2
        assert "1 of 5 image files are gone" in " ".join(capsys.readouterr().out.split())
    finally:
        image.write_bytes(kept)
