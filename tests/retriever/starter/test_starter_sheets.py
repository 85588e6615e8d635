"""Sheets open, have the size that follows from what is on them, and show Chinese without any system font."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from retriever.errors import InputError
from retriever.starter import DEMO_CONVERSATIONS, STARTER_PACK, typesetting
from retriever.starter.contact_sheet import contact_sheet, pack_sheet
from retriever.starter.overview import overview
from retriever.starter.typesetting import draw_text, text_width, wrap
from retriever.types import Conversation, Pick, Sticker, Utterance


def stickers(n: int) -> list[Sticker]:
    lines = (STARTER_PACK / "stickers.jsonl").read_text(encoding="utf-8").splitlines()[:n]
    rows = [json.loads(line) for line in lines]
    return [
        Sticker(row["id"], row["pack"], hashlib.sha256(row["id"].encode()).hexdigest(),
                str(STARTER_PACK / row["image"]), name=row["name"])
        for row in rows
    ]  # fmt: skip


def picks(n: int) -> list[Pick]:
    return [
        Pick(s, i + 1, 0.5 - i / 10, {"lexical": 3.25, "embedding": 0.4}) for i, s in enumerate(stickers(n))
    ]


def test_a_contact_sheet_grows_with_its_rows(tmp_path: Path) -> None:
    row = (Conversation.from_texts("哈哈哈", "I passed!"), picks(3))
    contact_sheet([row], tmp_path / "one.png")
    contact_sheet([row] * 3, tmp_path / "deep" / "three.png")
    one, three = Image.open(tmp_path / "one.png"), Image.open(tmp_path / "deep" / "three.png")
    assert one.format == "PNG" and one.width == three.width
    # margins of 26 above and below, cards 22 apart
    assert three.height - 52 == 3 * (one.height - 52) + 2 * 22
    assert not list(tmp_path.rglob("*.part"))


def test_only_three_picks_are_drawn_and_fewer_take_less_room(tmp_path: Path) -> None:
    talk = Conversation.from_texts("hello")
    for n in (0, 1, 3, 5):
        contact_sheet([(talk, picks(n))], tmp_path / f"{n}.png")
    widths = {n: Image.open(tmp_path / f"{n}.png").width for n in (0, 1, 3, 5)}
    assert widths[5] == widths[3] == widths[1] + 2 * (168 + 22)
    assert widths[0] == widths[1]


def test_nothing_to_draw_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="at least one"):
        contact_sheet([], tmp_path / "x.png")
    with pytest.raises(InputError, match="at least one"):
        pack_sheet([], tmp_path / "x.png")
    with pytest.raises(InputError, match="columns"):
        pack_sheet(stickers(1), tmp_path / "x.png", columns=0)


def test_a_missing_or_broken_image_leaves_its_name(tmp_path: Path) -> None:
    (tmp_path / "broken.webp").write_bytes(b"RIFF\x00\x00\x00\x00WEBPVP8 ")
    gone = [
        Sticker("p/a", "p", "0", str(tmp_path / "gone.png")),
        Sticker("p/b", "p", "1", str(tmp_path / "broken.webp")),
    ]
    pack_sheet(gone, tmp_path / "sheet.png", columns=2, tile=100)
    sheet = np.asarray(Image.open(tmp_path / "sheet.png").convert("RGB"))
    assert sheet.shape == (2 * 20 + 133 - 12, 2 * 20 + 2 * 112 - 12, 3)
    assert (sheet[40:100, 40:100].min(axis=2) < 190).any()


def test_a_pack_sheet_has_a_cell_for_every_sticker(tmp_path: Path) -> None:
    pack_sheet(stickers(5), tmp_path / "sheet.png", columns=2, tile=80, colours=64)
    image = Image.open(tmp_path / "sheet.png")
    assert image.mode == "P"
    assert image.size == (2 * 20 + 2 * 92 - 12, 2 * 20 + 3 * (92 + 21) - 12)


def test_odd_conversations_are_drawn(tmp_path: Path) -> None:
    odd = [
        Conversation((Utterance("", "x" * 500), Utterance("很长的名字" * 9, "哈" * 300)), "supplement"),
        Conversation((Utterance("A", "👋 नमस्ते \ufffd \u200b"), Utterance("B", ""))),
        Conversation(tuple(Utterance("AB"[i % 2], f"line {i}") for i in range(40))),
    ]
    contact_sheet([(talk, picks(1)) for talk in odd], tmp_path / "odd.png")
    assert Image.open(tmp_path / "odd.png").height < 3000


def test_the_demo_conversations_need_no_system_font(monkeypatch: pytest.MonkeyPatch) -> None:
    for line in DEMO_CONVERSATIONS.read_text(encoding="utf-8").splitlines():
        for utterance in json.loads(line)["utterances"]:
            for letter in utterance["text"] + utterance["speaker"]:
                assert typesetting._covers(str(typesetting.SHEET_FONT), letter), letter


def test_chinese_is_drawn_as_different_shapes() -> None:
    shapes = set()
    for letter in "晚安谢你":
        image = Image.new("L", (40, 40), 255)
        draw_text(ImageDraw.Draw(image), (4, 4), letter, 30, "black")
        shapes.add(image.tobytes())
    assert len(shapes) == 4


def test_lines_keep_to_their_width_and_lose_nothing() -> None:
    text = "今天面试通过了！下周一就上班, and then we celebrate together."
    lines = wrap(text, 18, 150, 20)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert all(text_width(line.rstrip("！.,"), 18) <= 150 for line in lines)
    assert not any(line[0] in "！.," for line in lines)


def test_too_long_a_text_ends_with_an_ellipsis() -> None:
    lines = wrap("word " * 100, 18, 120, 3)
    assert len(lines) == 3 and lines[-1].endswith("…")
    assert wrap("abcdefghijklmnopqrstuvwxyz" * 3, 18, 100, 2)[-1].endswith("…")


def test_empty_text_is_one_empty_line() -> None:
    assert wrap("", 18, 100) == [""]
    assert text_width("", 18) == 0


def test_the_overview_shows_forty_stickers_in_eight_columns(tmp_path: Path) -> None:
    overview(tmp_path / "overview.png")
    assert Image.open(tmp_path / "overview.png").size == (2 * 20 + 8 * 140 - 12, 2 * 20 + 5 * (140 + 21) - 12)
    assert (tmp_path / "overview.png").stat().st_size < 600 * 1024
