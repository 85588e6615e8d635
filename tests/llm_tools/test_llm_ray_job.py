import pytest
from in_vllm import in_vllm

from llm_tools.answers import AttributeAnswer
from llm_tools.ray_job import run_on_ray
from llm_tools.task import Task
from retriever.errors import MissingExtra


@pytest.mark.vllm
def test_ray_does_the_same_job_and_goes_on_where_it_stopped(vllm_python, vllm_server, tmp_path):
    result = in_vllm(vllm_python, "on_ray", vllm_server, tmp_path)
    assert result["answered"] == [11, 2] and result["reused"] == [0, 11]
    assert result["calls"] == [11, 2] and result["failed"] == [{"unreadable": 1}] * 2
    assert [row["id"] for row in result["rows"]] == [f"pack/{n}" for n in range(12) if n != 5]
    assert result["again"][:11] == result["rows"] and len(result["again"]) == 13
    assert all(row["model"] == "tiny-vl" and row["description"] for row in result["again"])


def test_without_ray_the_message_says_what_to_install(tmp_path):
    with pytest.raises(MissingExtra, match=r"pip install 'ray\[data\]'"):
        run_on_ray([], Task("x", AttributeAnswer, "p", reask="{problem}"), dict, tmp_path / "j.jsonl")
