"""The page as a browser gets it: one file, nothing from outside, nothing of others run."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from report_worlds import HOSTILE, hostile_world, plain_world, rich_world

from eval.report_page import load_report, write
from eval.report_page.examples import choose
from eval.report_page.findings import read_findings
from eval.report_page.page import render
from eval.report_page.sections import contents
from retriever.errors import InputError

pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")

VOID = {"meta", "img", "br", "path", "use", "rect", "link", "input", "line", "circle"}


class Page(HTMLParser):
    """Tags, addresses, text; and whether every tag is closed where it should be."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.addresses, self.ids, self.open, self.text = [], [], [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        for name, value in attributes:
            assert not name.startswith("on"), (tag, name)
            if name in ("src", "href", "xlink:href", "action", "srcset"):
                self.addresses.append((tag, value))
            if name == "id":
                self.ids.append(value)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def check_self_contained(text):
    page = Page(text)
    assert not {"script", "link", "iframe", "object", "embed", "form"} & set(page.tags)
    for tag, address in page.addresses:
        assert address.startswith("#" if tag in ("a", "use") else "data:image/webp;base64,"), (tag, address)
    assert not re.search(r"@import|url\((?!#)", text)
    assert "default-src 'none'" in text
    assert len(page.ids) == len(set(page.ids))
    links = {address[1:] for tag, address in page.addresses if tag in ("a", "use")}
    assert links <= set(page.ids)
    return page


def test_a_whole_page(tmp_path):
    folder, report = rich_world(tmp_path)
    place = write(folder, report)
    assert place == folder / "report.html"
    text = place.read_text(encoding="utf-8")
    page = check_self_contained(text)
    words = " ".join(page.text)
    # the verdict comes before any table
    assert text.index("knows is the best system under all 3 protocols") < text.index("<table")
    for system in ("knows", "noise", "most frequent label", "chance"):
        assert system in words
    knows = report.protocol("candidates").system("knows").mean["R@1"]
    assert f"R5@1 {100 * knows:.1f} %" in words
    assert page.tags.count("svg") == 11 and page.tags.count("article") == 6
    for sentence in ("10,000 draws", "Holm", "rule expected", "every right sticker of the whole list"):
        assert sentence in words
    assert {path.suffix for path in (folder / "figures").iterdir()} == {".svg", ".png"}
    for name in ("report.md", "report.tex", "systems.csv", "per_query.csv", "costs.csv"):
        assert (folder / name).stat().st_size > 100


def test_hostile_text_stays_text(tmp_path):
    folder, report = hostile_world(tmp_path)
    text = write(folder, report).read_text(encoding="utf-8")
    page = check_self_contained(text)
    words = "".join(page.text)
    assert HOSTILE[0] in words and HOSTILE[1] in words and "\u202e" not in text
    assert page.tags.count("img") > 10  # pictures are there
    assert "b" in page.tags  # our own, so count those that hold what others wrote
    assert "<b>" in words


def test_the_same_folder_gives_the_same_page(tmp_path):
    folder, report = plain_world(tmp_path, 60)
    first = write(folder, report).read_bytes()
    (folder / "report.html").unlink()
    (folder / "figures" / "old.png").write_bytes(b"of an earlier report")
    assert write(folder, load_report(folder)).read_bytes() == first
    assert not (folder / "figures" / "old.png").exists()


def test_a_report_comes_back_whole(tmp_path):
    folder, report = plain_world(tmp_path, 30)
    again = load_report(folder)
    assert again == report and again.as_dict() == report.as_dict()


def test_other_baselines(tmp_path):
    folder, report = plain_world(tmp_path, 60)
    findings = read_findings(folder, report, ["noise", "most frequent label"])
    assert render(contents(findings)).count("Paired tests over the baselines") == 2 * 3
    with pytest.raises(InputError, match="no system 'nobody'"):
        write(folder, report, baselines=["nobody"])


def test_pictures_that_are_gone_or_broken(tmp_path):
    folder, report = hostile_world(tmp_path)
    for at, path in enumerate(sorted(tmp_path.glob("*.png"))):
        path.write_bytes(b"no picture") if at % 2 else path.unlink()
    text = write(folder, report).read_text(encoding="utf-8")
    assert "<img" not in text and "no picture" in text and "pictures could not be read" in text


def test_examples_are_where_systems_differ_and_show_both_sides(tmp_path):
    folder, report = plain_world(tmp_path, 100)
    findings = read_findings(folder, report)
    found = findings.protocols[0]
    places = choose(found, 4)
    knows, noise = (found.columns.values[name]["R@1"] for name in ("knows", "noise"))
    assert len(places) == len(set(places)) == 4
    assert all(knows[at] != noise[at] for at in places)
    labels = {found.columns.labels[at] for at in places}
    assert len(labels) == 3
    assert choose(found, 0) == []


@pytest.mark.parametrize(
    ("damage", "match"),
    [
        (lambda folder: (folder / "report.json").unlink(), "has no report.json"),
        (lambda folder: (folder / "report.json").write_text('{"dataset": "x"'), "is no JSON"),
        (lambda folder: (folder / "report.json").write_text('{"dataset": 3}'), "is no report"),
    ],
)
def test_damaged_folders_are_told(tmp_path, damage, match):
    folder, _ = plain_world(tmp_path, 10)
    damage(folder)
    with pytest.raises(InputError, match=match):
        load_report(folder)
    with pytest.raises(InputError, match="there is no folder"):
        load_report(folder / "nowhere")


def test_without_matplotlib_the_page_says_so(tmp_path):
    folder, _ = plain_world(tmp_path, 20)
    code = f"""
import sys
class Without:
    def __init__(self, finder):
        self.finder = finder
    def find_spec(self, name, path=None, target=None):
        hidden = name.partition(".")[0] == "matplotlib"
        return None if hidden else self.finder.find_spec(name, path, target)
    def __getattr__(self, name):
        return getattr(self.finder, name)
sys.meta_path[:] = [Without(finder) for finder in sys.meta_path]
from pathlib import Path
from eval.report_page import load_report, write
print(write(Path({str(folder)!r}), load_report(Path({str(folder)!r}))))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    text = Path(done.stdout.strip()).read_text(encoding="utf-8")
    assert "<svg" not in text and "pip install" in text and "sticker-retriever[report]" in text
