"""The published numbers: consistent with each other, and with the papers' text where that is at hand."""

import json
import re
from pathlib import Path

import pytest

from eval.measures import parse_measure
from eval.published import datasets_with_numbers, published, rows_for
from eval.published.load import all_rows, parse_sheet
from retriever.errors import InputError

PAPERS = Path(__file__).parents[3] / "shared" / "papers"
TEXTS = {
    "pbr": "PBR.txt",
    "pbr-supplement": "PBR-supplement.txt",
    "mmbert": "MMBERT-multitask.txt",
    "int-ra": "Int-RA.txt",
}


def words_of(path):
    """Tab-separated cells of a text, without emphasis and the stars of significance."""
    text = re.sub(r"</?[bi]>|\*|\$", "", path.read_text(encoding="utf-8"))
    return [[cell.strip() for cell in line.split("\t")] for line in text.splitlines()]


def stands_in(values, line):
    width = len(values)
    return any(line[at : at + width] == values for at in range(len(line) - width + 1))


@pytest.mark.parametrize("paper", sorted(TEXTS))
def test_every_row_stands_in_the_paper(paper):
    if not PAPERS.is_dir():
        pytest.skip("the papers' texts are not beside the checkout (../shared/papers)")
    lines = words_of(PAPERS / TEXTS[paper])
    whole = " ".join(cell for line in lines for cell in line)
    checked = 0
    for row in (row for row in all_rows() if row.paper == paper):
        printed = [number.printed for number in row.numbers]
        if row.table in ("1", "2", "3", "5") and "Table" in row.source:
            assert any(stands_in(printed, line) for line in lines), f"{row.source}, {row.label}: {printed}"
            if row.table in ("1", "2", "5"):  # in Table 3 of both papers check marks stand for the name
                beside = [line[0].lower() for line in lines if stands_in(printed, line)]
                beside += [line[1].lower() for line in lines if stands_in(printed, line) and len(line) > 1]
                name = row.system.lower().replace("*", "").replace("mmbert", "")
                assert any(name.replace(" ", "") in cell.replace(" ", "") for cell in beside), (
                    f"{row.source}, {row.label}: {beside}"
                )
        else:
            for value in printed:
                assert re.search(rf"(?<![\d.]){re.escape(value)}(?![\d])", whole), f"{row.source}: {value}"
        checked += len(printed)
    assert checked == len(published(paper=paper)) > 0


def test_some_numbers_by_hand():
    table = {row.label: row.values for row in rows_for("StickerChat") if row.table == "1"}
    assert list(table["Ours* (ViT+BERT)"].items()) == [
        ("MAP", 0.792),
        ("R10@1", 0.693),
        ("R10@2", 0.795),
        ("R10@5", 0.935),
    ]
    (row,) = (row for row in rows_for("stickerint") if row.system == "w/o attribute")
    assert row.number("Hit@5", "all", "label").printed == "46.87"
    assert row.number("P@5", "all", "label") is None  # Int-RA's "P@5" is no precision
    full = [row for row in rows_for("mod") if row.system == "MMBERT+ctx+emo+sem" and row.table == "1"]
    assert [row.values["MRR_all"] for row in full] == [0.1599, 0.124]
    assert [row.split for row in full] == ["easy test", "hard test"]
    assert len(published(dataset="mod", metric="MRR_all")) == 13 + 8 + 8 - 1


def test_measures_are_ours_and_consistent():
    for row in all_rows():
        for number in row.numbers:
            assert 0 < number.value < 1
            if number.measure is not None:
                assert parse_measure(number.measure).name == number.measure
                assert number.pool and number.relevance


def test_recall_grows_with_k_but_for_the_known_misprint():
    falling = []
    for row in all_rows():
        for kind, pool in (("R@", "candidates"), ("R@", "all"), ("Hit@", "all")):
            cells = [
                number.value
                for number in row.numbers
                if (number.measure or "").startswith(kind) and number.pool == pool
            ]
            if cells != sorted(cells):
                falling.append(row)
    assert [(row.table, row.system) for row in falling] == [("2", "CLIP")]
    assert any("impossible" in caveat for caveat in falling[0].caveats)


def test_reciprocal_rank_lies_between_its_bounds():
    """With one gold and R@1, R@2, R@5 known: golds at 3 to 5 are worth 1/5 to 1/3, later ones 1/n to 1/6."""
    outside = []
    for row in all_rows():
        for pool, tail in (("candidates", 1 / 11), ("all", 0)):
            found = [row.number(name, pool, "gold") for name in ("R@1", "R@2", "R@5")]
            rank = row.number("RR", pool, "gold") or row.number("AP", pool, "gold")
            if rank is None or None in found:
                continue
            one, two, five = (number.value for number in found)
            low = one + (two - one) / 2 + (five - two) / 5 + (1 - five) * tail
            high = one + (two - one) / 2 + (five - two) / 3 + (1 - five) / 6
            rounding = 1.5 * 10.0 ** -(2 + len(rank.printed.split(".")[1]))
            if not low - rounding <= rank.value <= high + rounding:
                outside.append(row)
    # what no ranking can have given; every one of them says so
    assert [(row.paper, row.split, row.system) for row in outside] == [
        ("mmbert", "easy test", "SRS"),
        ("mmbert", "hard test", "SRS"),
        ("mmbert", "hard test", "MOD-GPT"),
        ("pbr", "validation", "CLIP"),
    ]
    for row in outside:
        assert any("the least that" in caveat or "impossible" in caveat for caveat in row.caveats)


def test_folders_are_recognised_by_their_names():
    assert rows_for("StickerChat_release") == rows_for("stickerchat") != []
    assert rows_for("DSTC10-MOD") == rows_for("MOD-Dataset") == rows_for("mod_zh") != []
    assert {row.dataset for row in rows_for("StickerInt")} == {"stickerint"}
    for other in ("chat-en", "modern", "", "my-stickers", "mod-en", "MOD English"):
        assert rows_for(other) == []
    assert {row.dataset for row in all_rows()} == set(datasets_with_numbers())
    assert rows_for("downloads", "mod") == rows_for("mod") and rows_for("x", "stickerint") == rows_for(
        "StickerInt"
    )
    assert rows_for("downloads", "native") == rows_for("MOD-en", "mod") == []
    assert rows_for("StickerChat", "native") == rows_for("stickerchat")  # converted


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda sheet: sheet["tables"][0]["rows"][0]["values"].append("1.0"), "2 values in 1 columns"),
        (lambda sheet: sheet["tables"][0]["rows"][0].update(values=["64,56"]), "pattern"),
        (lambda sheet: sheet["tables"][0]["rows"][0].update(values=[64.56]), "string"),
        (lambda sheet: sheet["tables"][0].update(columns=["P@9"]), "not described"),
        (lambda sheet: sheet.update(note="hello"), "not permitted"),
        (lambda sheet: sheet.pop("paper"), "required"),
    ],
)
def test_a_damaged_file_is_refused_in_words(change, words):
    import eval.published

    place = Path(eval.published.__file__).with_name("pbr-supplement.json")
    sheet = json.loads(place.read_text(encoding="utf-8"))
    change(sheet)
    with pytest.raises(InputError, match=words):
        parse_sheet(json.dumps(sheet), "x.json")
    with pytest.raises(InputError, match=r"x\.json"):
        parse_sheet(place.read_bytes()[:-40], "x.json")
