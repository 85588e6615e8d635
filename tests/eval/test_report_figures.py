"""Figures are drawn from what is there, say what is not, and let no name break them."""

import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from eval_worlds import both
from report_worlds import HOSTILE, hostile_world, plain_world, rich_world

from eval.report_page.figures.build import draw_all
from eval.report_page.figures.by_label import draw_labels
from eval.report_page.figures.forest import draw_forest
from eval.report_page.figures.groups import _by_number
from eval.report_page.figures.pr_curves import draw_curves
from eval.report_page.figures.style import looks, place_labels, short
from eval.report_page.findings import read_findings

pytest.importorskip("matplotlib")


def test_labels_keep_their_distance_and_their_order():
    assert place_labels([1.0, 5.0], 1.0, 0.0, 10.0) == [1.0, 5.0]
    # two at 5: half a gap up, half a gap down
    assert place_labels([5.0, 5.0], 1.0, 0.0, 10.0) == pytest.approx([4.5, 5.5])
    assert place_labels([5.0, 4.9, 9.0], 1.0, 0.0, 10.0) == pytest.approx([5.45, 4.45, 9.0])
    assert place_labels([10.0, 10.0, 10.0], 2.0, 0.0, 10.0) == pytest.approx([6.0, 8.0, 10.0])
    # more than there is room for: evenly over all of it
    assert place_labels([3.0] * 5, 4.0, 0.0, 10.0) == pytest.approx([0.0, 2.5, 5.0, 7.5, 10.0])
    assert place_labels([], 1.0, 0.0, 1.0) == [] and place_labels([2.0], 1.0, 0.0, 1.0) == [1.0]
    rng = np.random.default_rng(0)
    for _ in range(50):
        wanted = rng.random(8) * 10
        placed = place_labels(list(wanted), 0.7, 0.0, 10.0)
        assert np.diff(np.sort(placed)).min() >= 0.7 - 1e-9 and min(placed) >= 0 and max(placed) <= 10
        assert np.array_equal(np.argsort(placed), np.argsort(wanted))


def test_groups_of_lengths_by_hand():
    known = np.array([1] * 30 + [2] * 4 + [3] * 20 + [9] * 3 + [np.nan] * 5)
    groups = _by_number(known)
    assert [(group.name, len(group.rows)) for group in groups] == [("1", 30), ("2–9", 27)]
    assert _by_number(np.array([np.nan])) == []


def test_six_colours_at_most_and_names_that_fit():
    names = [f"s{at}" for at in range(9)]
    found = looks([*names, "chance"], names)
    assert sum(look.is_coloured for look in found.values()) == 6
    assert len({(look.colour, look.marker) for look in found.values() if look.is_coloured}) == 6
    assert short("😂") == "face with tears of joy" and short("名字") == "名字" and len(short("x" * 99)) == 26


def test_every_figure_where_there_is_data_for_it(tmp_path):
    folder, report = rich_world(tmp_path)
    drawn, absent = draw_all(read_findings(folder, report))
    keys = {
        "forest-candidates", "forest-exact", "forest-library", "precision-recall-library", "labels-library",
        "utterances-candidates", "sentiment-candidates", "text-candidates", "unseen-candidates",
        "cost-candidates", "price-candidates",
    }  # fmt: skip
    assert {figure.key for figure in drawn} == keys and absent == []
    for figure in drawn:
        assert figure.png.startswith(b"\x89PNG") and "%" in figure.title + figure.svg.decode()
        assert "150" in figure.caption or "n = " in figure.svg.decode() or "queries" in figure.caption
        root = ElementTree.fromstring(figure.inline)
        assert root.get("role") == "img" and figure.title in (root.get("aria-label") or "")
        assert "var(--series-0)" in figure.inline and "#0072b2" not in figure.inline
    findings = read_findings(folder, report)
    found = findings.protocols[0]
    again = draw_forest(found, looks([*findings.systems, "chance"], found.contenders))
    assert again.svg == drawn[0].svg and again.png == drawn[0].png


def test_what_is_not_there_is_said(tmp_path):
    folder, report = plain_world(tmp_path)
    drawn, absent = draw_all(read_findings(folder, report))
    assert "sentiment-candidates" not in {figure.key for figure in drawn}
    for word in ("Sentiment", "utterances", "text", "Price"):
        assert any(word in why for why in absent), word


def test_names_cannot_break_a_figure(tmp_path):
    folder, report = hostile_world(tmp_path)
    drawn, _ = draw_all(read_findings(folder, report))
    assert len(drawn) >= 5
    for figure in drawn:
        for text in (figure.inline, figure.svg.decode()):
            root = ElementTree.fromstring(text)
            assert not [e for e in root.iter() if e.tag.rpartition("}")[2] in ("script", "b", "a", "image")]
        assert "<script>" not in figure.inline
    assert any("$x$" in figure.svg.decode() for figure in drawn)  # no formula
    assert HOSTILE[0].split(">")[0].strip("<") in drawn[0].svg.decode()


@pytest.mark.parametrize("n", [1, 2])
def test_as_little_as_one_query_and_one_system(tmp_path, n):
    folder, report = rich_world(tmp_path, n, systems=lambda c: {"noise": both(c)["noise"]})
    drawn, absent = draw_all(read_findings(folder, report))
    assert {"forest-candidates", "forest-library", "precision-recall-library"} <= {f.key for f in drawn}
    assert len(absent) >= 3


def test_thirty_systems_and_sixty_labels(tmp_path):
    import json
    from types import SimpleNamespace

    from eval.harness import evaluate

    stickers = [
        SimpleNamespace(id=f"s{at}", emotion=None, emoji=f"label {at % 60:02}", intention=None)
        for at in range(120)
    ]
    lines = [
        {"id": f"q{at}", "utterances": ["x"], "sticker": f"s{at % 120}", "emoji": f"label {at % 60:02}"}
        for at in range(240)
    ]
    path = tmp_path / "many.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))

    def systems(conversation):
        rng = np.random.default_rng(int(conversation.id[1:]))
        return {f"a system with quite a long name {at}": rng.random(120) for at in range(30)}

    report = evaluate(path, stickers, systems, out=tmp_path / "out", resamples=20, show_progress=False)
    findings = read_findings(tmp_path / "out", report)
    found = findings.protocols[-1]
    styles = looks(findings.systems, found.contenders)
    drawn = [draw_forest(found, styles), draw_curves(found, styles), draw_labels(findings, found, styles)]
    by_key = {figure.key: figure for figure in drawn}
    assert "Only the 40 most frequent of 60 labels" in by_key["labels-library"].caption
    assert "24 systems beyond the first are left out" in by_key["labels-library"].caption
    assert "Grey, unnamed: a system" in by_key["precision-recall-library"].caption
    assert by_key["forest-library"].svg.decode().count("a system with quite a") == 30
