import json
import os
import subprocess

import pytest
from bad_server import completion
from sample_stickers import saved

from llm_tools.answers import AttributeAnswer
from llm_tools.backends import Message
from llm_tools.batch import answered_rows, failures_path
from llm_tools.batch_file import journal_replies, read_replies, write_requests
from llm_tools.describe import DescribeOptions, describe_items, sources
from llm_tools.task import Item, Task, result_key
from retriever.errors import BadImage, InputError

TASK = Task("describe", AttributeAnswer, "p1", reask="{problem}", policy="free-then-guided")


def item(name, model="m"):
    return Item(name, result_key(name, model, TASK), lambda: (Message("user", (name,)),))


def line(key, body=None, status=200, error=None):
    response = {"status_code": status, "request_id": "r", "body": body}
    return json.dumps({"id": "x", "custom_id": key, "response": response, "error": error})


def answered(key, text):
    return line(key, json.loads(completion(text)))


def test_a_file_goes_out_and_its_replies_come_in(tmp_path):
    journal, out, back = tmp_path / "j.jsonl", tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    items = [item(f"s{n}") for n in range(5)]
    report = write_requests(items, TASK, "m", out, journal=journal)
    assert (report.written, report.known, report.unreadable) == (5, 0, ())
    lines = [json.loads(text) for text in out.read_text().splitlines()]
    assert [entry["custom_id"] for entry in lines] == [entry.key for entry in items]
    assert all(entry["method"] == "POST" and entry["url"] == "/v1/chat/completions" for entry in lines)
    assert lines[2]["body"]["messages"] == [{"role": "user", "content": "s2"}]
    assert lines[2]["body"]["model"] == "m" and "response_format" in lines[2]["body"]

    back.write_text(
        "\n".join(
            [
                answered(items[3].key, '{"keywords": "three"}'),  # any order
                answered(items[0].key, '{"keywords": "zero"}'),
                answered(items[1].key, "no JSON"),
                line(items[2].key, {"error": {"message": "too long"}}, 400),
                "",
            ]
        )
    )
    summary = journal_replies(items, TASK, read_replies(back), "m", journal)
    assert (summary.items, summary.answered, summary.not_asked) == (5, 2, 1)
    assert dict(summary.failed) == {"not_json": 1, "refused": 1} and not summary.complete
    assert {row["id"]: row["answer"]["keywords"] for row in answered_rows(journal).values()} == {
        "s3": "three", "s0": "zero",
    }  # fmt: skip
    failed = [json.loads(text) for text in failures_path(journal).read_text().splitlines()]
    assert {row["id"]: row["raw"] for row in failed} == {"s1": "no JSON", "s2": ""}
    assert write_requests(items, TASK, "m", out, journal=journal).known == 2


def test_twins_are_asked_once_and_broken_items_are_named(tmp_path):
    def broken():
        raise BadImage("empty", "0 bytes")

    items = [item("a"), item("a"), Item("bad", "k", broken)]
    report = write_requests(items, TASK, "m", tmp_path / "in.jsonl")
    assert report.written == 1 and report.unreadable == (("bad", "empty: 0 bytes"),)


def test_a_free_task_is_written_without_a_schema(tmp_path):
    from dataclasses import replace

    write_requests([item("a")], replace(TASK, policy="free"), "m", tmp_path / "in.jsonl")
    assert "response_format" not in json.loads((tmp_path / "in.jsonl").read_text())["body"]


def test_replies_of_another_model_are_refused(tmp_path):
    (tmp_path / "out.jsonl").write_text(answered(item("a", "other").key, "{}"))
    with pytest.raises(InputError, match="none of the 1 replies belongs to these 1 items"):
        journal_replies([item("a")], TASK, read_replies(tmp_path / "out.jsonl"), "m", tmp_path / "j.jsonl")


@pytest.mark.parametrize("bad", ["not json", "{}", "[1]", '{"response": {}}'])
def test_a_line_of_another_format_is_named(tmp_path, bad):
    path = tmp_path / "out.jsonl"
    path.write_text(answered("a", "{}") + "\n" + bad)
    with pytest.raises(InputError, match=r"out\.jsonl, line 2"):
        read_replies(path)


def test_a_line_without_a_response_is_a_failure_with_its_reason(tmp_path):
    path = tmp_path / "out.jsonl"
    path.write_text(json.dumps({"custom_id": "a", "response": None, "error": {"message": "expired"}}))
    assert "expired" in read_replies(path)["a"].error


@pytest.mark.vllm
def test_vllm_run_batch_reads_what_is_written_and_writes_what_is_read(vllm_python, tiny_vlm, tmp_path):
    from vllm_settings import SERVER_OPTIONS, VLLM_ENVIRONMENT

    options = DescribeOptions(policy="guided", max_tokens=2600)
    prompt = options.load_prompt()
    task = options.task(prompt)
    stickers = [saved(tmp_path / "s", n) for n in range(3)]
    items = list(describe_items(list(sources(stickers)), task, prompt, "tiny-vl", options))
    write_requests(items, task, "tiny-vl", tmp_path / "in.jsonl")
    command = [
        str(vllm_python), "-m", "vllm.entrypoints.openai.run_batch", "-i", str(tmp_path / "in.jsonl"),
        "-o", str(tmp_path / "out.jsonl"), "--model", str(tiny_vlm), "--served-model-name", "tiny-vl",
        *SERVER_OPTIONS,
    ]  # fmt: skip
    done = subprocess.run(
        command, cwd=tmp_path, env=os.environ | VLLM_ENVIRONMENT, capture_output=True, text=True, timeout=500
    )
    assert done.returncode == 0, done.stderr[-3000:]
    summary = journal_replies(
        items, task, read_replies(tmp_path / "out.jsonl"), "tiny-vl", tmp_path / "j.jsonl"
    )
    assert summary.answered == 3 and summary.complete, failures_path(tmp_path / "j.jsonl").read_text()
