import subprocess
import sys

import pytest

from retriever.documents import DOCUMENT_FIELDS, LABEL_FIELDS, document, field_texts
from retriever.errors import InputError
from retriever.types import Attributes, Sticker

WAVE = Sticker(
    id="cats/wave",
    pack="cats",
    sha256="00",
    path="/nowhere/wave.png",
    name={"zh": "挥手猫", "en": "waving cat"},
    keywords={"zh": ("你好", "再见"), "en": ("hello", "bye", "hello")},
    emoji="👋",
    emotion="happiness",
    intention="joy",
    tags=("greeting",),
    attributes=Attributes("waving", "standing", "smiling", "Hi there!"),
    description="A  grey cat\n waves.",
)


def test_whole_document() -> None:
    assert document(WAVE) == (
        "waving cat, 挥手猫. hello, bye, 你好, 再见. A grey cat waves. says: Hi there! "
        "gesture: waving. posture: standing. facial expression: smiling."
    )


def test_labels_stay_out_by_default() -> None:
    text = document(WAVE)
    for label in ("👋", "happiness", "joy", "greeting"):
        assert label not in text
    assert document(WAVE, LABEL_FIELDS) == "👋. emotion: happiness. intention: joy. tags: greeting."


def test_fields_come_in_the_order_asked_for() -> None:
    assert document(WAVE, ("verbal", "name")) == "says: Hi there! waving cat, 挥手猫."
    assert document(WAVE, ()) == ""


@pytest.mark.parametrize(
    ("languages", "expected"),
    [
        ((), "waving cat, 挥手猫. hello, bye, 你好, 再见."),
        (("en",), "waving cat. hello, bye."),
        (("zh", "en"), "挥手猫, waving cat. 你好, 再见, hello, bye."),
        (("fr",), "waving cat, 挥手猫. hello, bye, 你好, 再见."),
        (("fr", "zh"), "挥手猫. 你好, 再见."),
    ],
)
def test_languages(languages: tuple[str, ...], expected: str) -> None:
    assert document(WAVE, ("name", "keywords"), languages) == expected


def test_falling_back_is_decided_field_by_field() -> None:
    sticker = Sticker("a", "p", "00", "a.png", name={"en": "cat"}, keywords={"zh": ("猫",), "en": ()})
    assert document(sticker, languages=("en",)) == "cat. 猫."


def test_nothing_known_is_an_empty_text() -> None:
    assert document(Sticker("a", "p", "00", "a.png", name={"en": "  "}, keywords={"en": ()})) == ""


def test_same_text_whatever_the_order_of_languages_in_the_file() -> None:
    turned = Sticker("b", "p", "00", "b.png", name={"en": "waving cat", "zh": "挥手猫"})
    assert document(turned, ("name",)) == document(WAVE, ("name",))


def test_same_text_in_another_process() -> None:
    code = (
        "from retriever.documents import document; from retriever.types import Sticker; "
        "print(ascii(document(Sticker('a', 'p', '00', 'a', name={'zh': '猫', 'en': 'cat'}, "
        "keywords={'en': ('x', 'y', 'z', 'x')}, tags=('t',)), ('name', 'keywords', 'tags'))))"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PYTHONUTF8": "1"},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert outputs == {(ascii("cat, 猫. x, y, z. tags: t.") + "\n").encode()}


def test_unknown_field_lists_what_exists() -> None:
    with pytest.raises(InputError, match=r"no sticker field 'colour'; there are name, keywords"):
        document(WAVE, ("name", "colour"))


def test_field_texts_have_no_connecting_words() -> None:
    assert field_texts(WAVE, ("verbal", "gesture", "keywords"), ("en",)) == [
        ("verbal", ("Hi there!",)),
        ("gesture", ("waving",)),
        ("keywords", ("hello", "bye")),
    ]


def test_the_two_lists_share_nothing() -> None:
    assert not set(DOCUMENT_FIELDS) & set(LABEL_FIELDS)
