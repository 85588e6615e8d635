import re

import pytest
from pydantic import BaseModel, ConfigDict, Field

from llm_tools.answers import AttributeAnswer, ConversationAnswer, StickerAnswer
from llm_tools.schema import schema_of, text_pattern
from retriever.errors import InputError
from retriever.labels import EMOTIONS, INTENTIONS, RELATIONS


def test_the_pattern_takes_plain_text_of_the_right_length():
    pattern = re.compile(text_pattern(5))
    for good in ("a", "你好!", "a b c", "[x]~", "🙂🙂🙂🙂🙂"):
        assert pattern.fullmatch(good)
    for bad in (
        "",
        "abcdef",
        'a"b',
        "a\\b",
        "a\nb",
        "a\x00",
        "\x7f",
        "\x85",
        "\u2028",
        "\ud800",
        "\ufffd",
        "\ue000",
    ):
        assert not pattern.fullmatch(bad)


@pytest.mark.parametrize("model", [StickerAnswer, AttributeAnswer, ConversationAnswer])
def test_every_string_is_bounded_and_every_key_required(model):
    schema = schema_of(model)
    assert schema["required"] == list(model.model_fields)
    assert schema["additionalProperties"] is False
    text = str(schema)
    for word in ("maxLength", "minLength", "$ref", "$defs", "title", "default"):
        assert f"'{word}'" not in text


def test_labels_are_the_projects_own():
    properties = schema_of(StickerAnswer)["properties"]
    assert properties["emotion"]["enum"] == list(EMOTIONS)
    assert properties["intention"]["enum"] == list(INTENTIONS)
    assert list(schema_of(ConversationAnswer)["properties"]) == [*RELATIONS, "intention"]


class Forbidding(BaseModel):
    model_config = ConfigDict(extra="forbid")


class OpenString(Forbidding):
    text: str


class OpenList(Forbidding):
    words: list[int]


class OpenObject(BaseModel):
    number: int


class Inner(Forbidding):
    title: str = Field(pattern=text_pattern(3))


class Outer(Forbidding):
    inner: Inner


class DeepOpen(Forbidding):
    deep: list[OpenString] = Field(max_length=2)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (OpenString, "OpenString.text is a string without a pattern"),
        (OpenList, "OpenList.words is a list without an upper bound"),
        (OpenObject, "OpenObject admits further keys"),
        (DeepOpen, r"DeepOpen.deep\[\].text is a string"),
    ],
)
def test_what_guided_decoding_could_not_end_is_refused(model, words):
    with pytest.raises(InputError, match=words):
        schema_of(model)


class LongRepeat(Forbidding):
    text: str = Field(pattern="^[a-z]{1,129}$")


def test_a_repeat_that_xgrammar_cannot_compile_is_refused():
    with pytest.raises(InputError, match=r"LongRepeat\.text repeats more than 128 times"):
        schema_of(LongRepeat)


@pytest.mark.parametrize("longest", [127, 128, 129, 256, 257, 400])
def test_long_text_is_bounded_exactly_by_several_repeats(longest):
    pattern = re.compile(text_pattern(longest))
    assert pattern.fullmatch("x") and pattern.fullmatch("x" * longest)
    assert not pattern.fullmatch("") and not pattern.fullmatch("x" * (longest + 1))
    assert all(int(most) <= 128 for most in re.findall(r"\{\d,(\d+)\}", pattern.pattern))


def test_references_are_resolved_and_a_field_called_title_stays():
    assert list(schema_of(Outer)["properties"]["inner"]["properties"]) == ["title"]
