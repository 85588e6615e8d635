import io
import re

import pytest
from eval_worlds import LIBRARY, both, knows, noise, rows, write_dataset
from rich.console import Console

from eval.harness import evaluate
from eval.report import to_markdown, to_rich


def printed(report, width=100):
    console = Console(file=io.StringIO(), width=width)
    console.print(to_rich(report))
    return console.file.getvalue()


@pytest.fixture
def report(tmp_path):
    return evaluate(write_dataset(tmp_path / "world"), LIBRARY, both, show_progress=False)


def cells(text, name):
    line = next(line for line in text.splitlines() if line.strip().startswith(name + "  "))
    return re.split(r"  +", line.strip())


def test_percent_with_one_decimal_and_chance_beside(report):
    text = printed(report)
    assert "5 candidates, one gold: 200 queries" in text
    for title in ("R5@1", "R5@2", "R5@5", "MAP", "P@1", "P@3", "P@5", "Hit@5", "mAP", "macro"):
        assert title in text
    # chance: 1/5, 2/5, 5/5 and (1 + 1/2 + 1/3 + 1/4 + 1/5)/5 = .4567
    assert cells(text, "chance")[:5] == ["chance", "20.0", "40.0", "100.0", "45.7"]
    assert cells(text, "knows")[1:5] == ["100.0", "100.0", "100.0?", "100.0"]
    assert cells(text, "knows")[5] == "+80.0 [80.0, 80.0]"
    assert "?: not clearly different from chance" in text
    assert "knows over most frequent label" in text


def test_names_with_brackets_and_bars_are_left_whole(tmp_path):
    report = evaluate(
        write_dataset(tmp_path / "w", 20), LIBRARY, lambda c: {"my [bold] a|b": knows(c)}, show_progress=False
    )
    assert "my [bold] a|b" in printed(report)
    assert "my [bold] a\\|b" in to_markdown(report)


def test_markdown_tables_are_rectangular(report):
    lines = to_markdown(report).splitlines()
    assert lines[0] == "# world valid"
    tables = [line for line in lines if line.startswith("|")]
    assert len(tables) == 3 * (2 + 4)  # head, rule; chance, most frequent label, knows, noise
    widths = {line.count("|") for line in tables}
    assert widths == {7, 9}


def test_what_was_left_out_is_shown(tmp_path):
    import json

    lines = [{**row, "candidates": None} for row in rows(7)] + [{"utterances": []}] * 7
    path = tmp_path / "d.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    report = evaluate(path, LIBRARY, lambda c: {"noise": noise(c)}, show_progress=False)
    for text in (printed(report, 200), to_markdown(report)):
        assert "left out: no candidates (7)" in text
        assert "7 rows could not be read" in text and "line 8: " in text and "and 2 more" in text


def test_eighty_columns_hold_every_number(report):
    text = printed(report, 80)
    assert max(map(len, text.splitlines())) <= 80
    for system in report.protocol("library").systems:
        interval = system.over_chance["P@1"]
        assert f"{100 * interval.mean:+.1f} [{100 * interval.low:.1f}, {100 * interval.high:.1f}]" in text
    assert "…" not in text
