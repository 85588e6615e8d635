import json

import pytest
from pydantic import BaseModel, ConfigDict

from llm_tools.answers import AttributeAnswer, StickerAnswer
from llm_tools.repair import BadAnswer, parse_answer

GOOD = {
    "gesture": "waving", "posture": "none", "facial_expression": "grin", "verbal": "hi",
    "description": "A cat waves.", "emotion": "happiness", "intention": "joy",
}  # fmt: skip


class Loose(BaseModel):
    model_config = ConfigDict(extra="forbid")
    a: object = None
    b: object = None


def reason_of(text, model=AttributeAnswer, **settings):
    with pytest.raises(BadAnswer) as caught:
        parse_answer(text, model, **settings)
    return caught.value.reason


@pytest.mark.parametrize(
    "text",
    [
        '{"keywords": "a wave"}',
        '  {"keywords": "a wave"}\n',
        '```json\n{"keywords": "a wave"}\n```',
        '```\n{"keywords": "a wave"}\n```',
        'Sure! Here you are:\n```json\r\n{"keywords": "a wave"}\r\n```\nAnything else?',
        'The answer is {"keywords": "a wave"} as you asked.',
        '<think>maybe {"keywords": "wrong"}</think>{"keywords": "a wave"}',
        'thinking without an opening tag {"keywords": "wrong"}</think>\n{"keywords": "a wave"}',
        'I use {braces} first. {"keywords": "a wave"}',
        '{"keywords": "a wave"}{"keywords": "second"}',
    ],
)
def test_the_object_is_found_wherever_it_stands(text):
    assert parse_answer(text, AttributeAnswer).keywords == "a wave"


@pytest.mark.parametrize("text", ["", "  \n", "\t"])
def test_nothing_is_empty(text):
    assert reason_of(text) == "empty"


@pytest.mark.parametrize(
    "text",
    ["I cannot help with that.", '["keywords"]', '"keywords"', '{"keywords": "x"', "{keywords: x}", "{"],
)
def test_no_object_is_not_json(text):
    assert reason_of(text) == "not_json"


def test_broken_json_is_not_replaced_by_a_smaller_object_inside_it():
    assert reason_of('{"a": {"keywords": "inner"}, "keywords": "cut o', Loose) == "not_json"


def test_a_cut_off_answer_says_so():
    assert reason_of('{"keywords": "a wa', finish_reason="length") == "cut_off"
    assert parse_answer('{"keywords": "a"}', AttributeAnswer, finish_reason="length").keywords == "a"


@pytest.mark.parametrize("bad", ["\n", "\t", "\x00", "\x1b", "\x7f", "\x85", "\\n", "\\u0000", "\\ud800"])
def test_control_characters_are_refused_raw_and_escaped(bad):
    assert reason_of(f'{{"keywords": "a{bad}b"}}') == "control_characters"


def test_control_characters_are_found_deep_inside_and_in_keys():
    assert reason_of('{"a": ["x", {"c": "\\n"}]}', Loose) == "control_characters"
    assert reason_of('{"a": {"\\n": 1}}', Loose) == "control_characters"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"emotion": "joyful"}, "emotion"),
        ({"intention": None}, "intention"),
        ({"gesture": ""}, "gesture"),
        ({"gesture": "x" * 121}, "gesture"),
        ({"gesture": ["a"]}, "gesture"),
        ({"extra": 1}, "extra"),
    ],
)
def test_a_wrong_field_is_named(change, named):
    with pytest.raises(BadAnswer) as caught:
        parse_answer(json.dumps(GOOD | change), StickerAnswer)
    assert caught.value.reason == "wrong_schema" and named in caught.value.message


def test_a_missing_field_is_named_and_never_filled_in():
    with pytest.raises(BadAnswer, match="verbal"):
        parse_answer(
            json.dumps({key: value for key, value in GOOD.items() if key != "verbal"}), StickerAnswer
        )


def test_many_errors_are_counted_not_listed():
    with pytest.raises(BadAnswer, match="and 4 more"):
        parse_answer("{}", StickerAnswer)  # seven fields, three named


def test_case_and_spaces_of_a_label_and_quotes_inside_words_do_not_matter():
    answer = parse_answer(
        json.dumps(GOOD | {"emotion": " Happiness", "verbal": 'says "hi" \\o/'}), StickerAnswer
    )
    assert answer.emotion == "happiness" and answer.verbal == "says 'hi' /o/"
