"""`sticker report`, as it is typed."""

import json

import pytest
from report_worlds import plain_world

from retriever.cli import main

pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")


def test_the_page_is_written_again(tmp_path, capsys):
    folder, _ = plain_world(tmp_path, 20)
    before = (folder / "report.md").read_bytes()
    records = {path: path.read_bytes() for path in folder.glob("*.jsonl")}
    (folder / "report.md").unlink()
    assert main(["report", str(folder)]) == 0
    assert capsys.readouterr().out.strip() == str(folder / "report.html")
    assert (folder / "report.md").read_bytes() == before
    assert {path: path.read_bytes() for path in folder.glob("*.jsonl")} == records
    assert main(["report", str(folder), "--baseline", "noise", "--examples", "0", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["page"] == str(folder / "report.html") and len(told["figures"]) % 2 == 0
    assert "Where systems disagree" not in (folder / "report.html").read_text(encoding="utf-8")


def test_bad_input_is_one_line_and_exit_code_2(tmp_path, capsys):
    folder, _ = plain_world(tmp_path, 10)
    for words, match in (
        (["report", str(tmp_path / "nowhere")], "there is no folder"),
        (["report", str(tmp_path)], "has no report.json"),
        (["report", str(folder), "--baseline", "nobody"], "no system 'nobody'"),
        (["report", str(folder), "--library", str(tmp_path / "lib")], "there is no library"),
    ):
        assert main(words) == 2
        said = capsys.readouterr()
        assert said.out == "" and match in said.err and said.err.count("\n") == 1
