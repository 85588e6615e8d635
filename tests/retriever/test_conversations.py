import json

import pytest

from retriever.conversations import parse_conversation, read_conversations, read_rows
from retriever.errors import ConversationError
from retriever.types import Utterance

TALK = [{"speaker": "Ann", "text": "I passed!"}, {"speaker": "Bo", "text": "No way"}]


def test_utterances_with_speakers():
    row = {"id": 7, "utterances": TALK, "mode": "reply", "reply_speaker": "Ann", "sticker": "p/1"}
    conversation = parse_conversation(row)
    assert conversation.utterances == (Utterance("Ann", "I passed!"), Utterance("Bo", "No way"))
    assert (conversation.id, conversation.mode, conversation.reply_speaker) == ("7", "reply", "Ann")
    assert row["utterances"] is TALK


def test_who_sends_when_nothing_tells():
    assert parse_conversation({"utterances": TALK}).reply_speaker == "Ann"
    assert parse_conversation({"utterances": TALK, "mode": "supplement"}).reply_speaker == "Bo"
    assert parse_conversation({"utterances": TALK[:1]}).reply_speaker is None
    assert parse_conversation({"utterances": ["hi"]}).reply_speaker == "B"
    assert parse_conversation({"utterances": ["hi", "hello"]}).reply_speaker == "A"
    assert parse_conversation({"utterances": ["hi", "hello"], "mode": "supplement"}).reply_speaker == "B"
    assert parse_conversation({"messages": [{"role": "user", "content": "hi"}]}).reply_speaker == "assistant"


def test_a_person_may_answer_their_own_words():
    conversation = parse_conversation({"utterances": TALK, "reply_speaker": "Bo"})
    assert (conversation.mode, conversation.reply_speaker) == ("reply", "Bo")


def test_plain_strings_take_turns():
    conversation = parse_conversation({"utterances": ["你好", "在吗", "[b]"]})
    assert [u.speaker for u in conversation.utterances] == ["A", "B", "A"]
    assert [u.text for u in conversation.utterances] == ["你好", "在吗", "[b]"]


def test_chat_completion_messages():
    conversation = parse_conversation(
        {
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "name": "Ann", "content": "Look"},
                {"role": "assistant", "content": None, "tool_calls": []},
                {"role": "tool", "content": "{}"},
                {
                    "role": "user",
                    "content": [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {}}],
                },
            ]
        }
    )
    assert [(u.speaker, u.text) for u in conversation.utterances] == [
        ("Ann", "Look"),
        ("assistant", ""),
        ("user", "a"),
    ]
    assert conversation.reply_speaker == "assistant"


@pytest.mark.parametrize(
    "row, words",
    [
        ({}, "no field at all"),
        ({"utterence": ["hi"]}, "found utterence"),
        ({"utterances": ["hi"], "messages": []}, "both"),
        ({"utterances": "hi"}, "utterances: got text 'hi'"),
        ({"utterances": []}, "no text"),
        ({"utterances": ["", "  "]}, "no text"),
        ({"utterances": [{"speaker": "A"}]}, "utterances.0.text is missing"),
        ({"utterances": [*TALK, {"speaker": "A", "text": 5}]}, "utterances.2.text: got the number 5"),
        ({"utterances": [*TALK, {"speaker": "A", "text": None}]}, "utterances.2.text: got null"),
        ({"utterances": [*TALK, "hi"]}, "mixed with an object at position 0"),
        ({"utterances": [5]}, "utterances.0: got the number 5"),
        ({"utterances": TALK, "mode": "replay"}, "mode: got text 'replay'.*'reply' or 'supplement'"),
        ({"utterances": TALK, "mode": "supplement", "reply_speaker": "Ann"}, "'Ann'.*'Bo'.*use mode reply"),
        ({"utterances": TALK, "reply_speaker": 3}, "reply_speaker: got the number 3"),
        ({"utterances": TALK, "id": None}, "id: got null"),
        ({"utterances": ["cut \ud83d"]}, "surrogate"),
        ({"messages": [{"role": "system", "content": "x"}]}, "no text"),
        ({"messages": [{"content": "x"}]}, "messages.0.role is missing"),
        ([1], "got a list"),
    ],
)
def test_bad_rows_are_named_on_one_line(row, words):
    with pytest.raises(ConversationError, match=words) as caught:
        parse_conversation(row)
    assert "\n" not in str(caught.value)


def test_lines_of_a_file(tmp_path):
    path = tmp_path / "talk.jsonl"
    first = json.dumps(
        {"utterances": ["hi\u2028there"]}, ensure_ascii=False
    )  # a line end in Unicode, not in JSON
    path.write_bytes(b"\xef\xbb\xbf" + first.encode() + b"\r\n\r\n" + b'{"id": "x", "utterances": ["yo"]}')
    with path.open("rb") as lines:
        got = list(read_conversations(lines, path.name))
    assert [(c.id, c.utterances[0].text) for c in got] == [("line-1", "hi\u2028there"), ("x", "yo")]


def test_a_bad_line_is_raised_or_handed_over():
    good = '{"utterances": ["hi"]}'
    lines = [good, "{oops", b"\xff\xfe", "[1]", "[" * 100_000, '{"utterances": []}', good]
    with pytest.raises(ConversationError, match=r"^talk, line 2: not JSON"):
        list(read_conversations(lines, "talk"))
    bad = []
    assert [c.id for c in read_conversations(lines, "talk", bad.append)] == ["line-1", "line-7"]
    assert [str(error).partition(":")[0] for error in bad] == [f"talk, line {n}" for n in range(2, 7)]
    assert all("\n" not in str(error) and len(str(error)) < 200 for error in bad)


def test_reading_is_lazy():
    def endless():
        while True:
            yield '{"utterances": ["hi"]}'

    rows = read_rows(endless(), "endless")
    assert [next(rows).line, next(rows).line] == [1, 2]
