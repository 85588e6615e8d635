import sys
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont

import retriever
from retriever.errors import MissingExtra
from retriever.packs.ocr import Ocr

pytest.importorskip("rapidocr")
CHINESE_FONT = next((Path(retriever.__file__).parent / "starter/fonts").glob("*.ttf"), None)


def drawn(text: str, font: Path | None = None) -> Image.Image:
    image = Image.new("RGB", (240, 240), "white")
    letters = ImageFont.truetype(font, 48) if font else ImageFont.load_default(48)
    ImageDraw.Draw(image).text((40, 90), text, fill="black", font=letters)
    return image


@pytest.fixture(scope="module")
def ocr() -> Ocr:
    return Ocr()


def test_words_are_read(ocr: Ocr) -> None:
    assert ocr.read(drawn("HELLO")) == "HELLO"


@pytest.mark.skipif(CHINESE_FONT is None, reason="the starter pack's Chinese font is not in this checkout")
def test_chinese_is_read(ocr: Ocr) -> None:
    assert ocr.read(drawn("谢谢", CHINESE_FONT)) == "谢谢"


def test_nothing_is_invented(ocr: Ocr) -> None:
    assert ocr.read(Image.new("RGB", (240, 240), "white")) == ""
    assert ocr.read(Image.new("RGB", (1, 1), "white")) == ""
    assert ocr.read(drawn("8")) == ""  # one digit is more often a face than a caption


def test_the_score_decides() -> None:
    assert Ocr(min_score=1.01).read(drawn("HELLO")) == ""


def test_absent_it_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rapidocr", None)
    with pytest.raises(MissingExtra, match=r"sticker-retriever\[ocr\]"):
        Ocr()
