import json

import pytest
from bad_server import Answer
from in_vllm import in_vllm
from scripted import prompt_text, scripted_server

from llm_tools.answers import AttributeAnswer
from llm_tools.ray_job import run_on_ray
from llm_tools.task import Task
from retriever.errors import MissingExtra
from retriever.labels import EMOTIONS

ANSWER = {
    "gesture": "waving", "posture": "none", "facial_expression": "grin", "verbal": "none",
    "description": "A face that waves hello.", "emotion": "happiness", "intention": "joy",
}  # fmt: skip


def on_ray(python, job, url, folder):
    return in_vllm(python, job, url, folder, script="ray_child.py")


@pytest.mark.vllm
def test_ray_does_the_same_job_and_goes_on_where_it_stopped(vllm_python, vllm_server, tmp_path):
    result = on_ray(vllm_python, "same_job", vllm_server, tmp_path)
    first, second = result["first"], result["second"]
    assert (first["answered"], first["calls"], first["failed"]) == (11, 11, {"unreadable": 1})
    assert (second["answered"], second["reused"], second["failed_before"]) == (2, 11, 1)
    assert [row["id"] for row in result["rows"]] == [f"pack/{n}" for n in range(12) if n != 5]
    assert result["again"][:11] == result["rows"] and len(result["again"]) == 13
    assert all(row["model"] == "tiny-vl" and row["description"] for row in result["again"])


@pytest.mark.vllm
def test_limits_hold_to_the_call_and_failures_are_treated_as_anywhere(vllm_python, tmp_path):
    """Ten tokens a call, four calls at once; the twentieth call is answered with nonsense."""

    def reply(body, number):
        return Answer("no idea" if number == 19 else json.dumps(ANSWER))

    with scripted_server(reply) as server:
        none, calls, tokens, rest, again, retried = on_ray(vllm_python, "limits", server.url, tmp_path)
        assert len(server.calls) == 31 and "This is a sticker" in prompt_text(server.calls[0])
    assert (none["calls"], none["not_asked"], none["stopped"]) == (0, 30, "max_minutes 0 reached")
    assert (calls["calls"], calls["answered"], calls["not_asked"]) == (11, 11, 19)
    assert calls["stopped"] == "max_calls 11 reached"
    assert (tokens["calls"], tokens["reused"], tokens["stopped"]) == (4, 11, "max_tokens 45 reached")
    assert (rest["calls"], rest["failed"], rest["stopped"]) == (15, {"not_json": 1}, None)
    assert (again["calls"], again["reused"], again["failed_before"]) == (0, 29, 1)
    assert (retried["calls"], retried["answered"], retried["failed_before"]) == (1, 1, 0)


@pytest.mark.vllm
def test_a_server_that_is_gone_stops_the_run_and_a_wrong_model_is_told(vllm_python, tmp_path):
    with scripted_server(lambda body, number: Answer(status=503, delay=0.5)) as server:
        summary, kind, message = on_ray(vllm_python, "lost", server.url, tmp_path)
    assert "calls in a row got no answer" in summary["stopped"] and summary["not_asked"] > 0
    assert summary["not_asked"] + summary["failed"]["transport"] == 60
    assert kind == "ModelError" and "no model 'other'; it offers: scripted" in message
    assert "\n" not in message


@pytest.mark.vllm
def test_an_interrupt_lets_what_is_in_flight_finish_and_loses_nothing(vllm_python, tmp_path):
    with scripted_server(lambda body, number: Answer(json.dumps(ANSWER), delay=0.3)) as server:
        summary, rows = on_ray(vllm_python, "interrupted", server.url, tmp_path)
        assert rows == summary["answered"] == len(server.calls)
    assert summary["stopped"] == "interrupted" and summary["not_asked"] == 60 - rows > 0


@pytest.mark.vllm
def test_an_engine_runs_inside_the_cluster_also_without_a_gpu(vllm_python, tiny_vlm, tmp_path):
    result = on_ray(vllm_python, "vllm_inside", tiny_vlm, tmp_path)
    first, rows = result["first"], result["rows"]
    assert (first["answered"], first["calls"], first["not_asked"]) == (5, 5, 1), result
    assert first["stopped"] == "max_calls 5 reached"
    assert len(rows) == 5 and all(row["model"] == "tiny-vl" and row["emotion"] in EMOTIONS for row in rows)


def test_without_ray_the_message_says_what_to_install(tmp_path):
    with pytest.raises(MissingExtra, match=r"needs ray, .*pip install 'sticker-retriever\[ray\]'"):
        run_on_ray([], Task("x", AttributeAnswer, "p", reask="{problem}"), dict, tmp_path / "j.jsonl")
