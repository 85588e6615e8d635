import json

import pytest
from bad_server import Answer, bad_server
from sample_stickers import saved

from llm_tools.backends import HTTPBackend
from llm_tools.batch import failures_path
from llm_tools.describe import ATTRIBUTES, DescribeOptions, describe, describe_async
from retriever.errors import InputError, ModelError
from retriever.packs import open_pack

ANSWER = {
    "gesture": "waving", "posture": "None.", "facial_expression": "grin", "verbal": "无",
    "description": "A face that waves hello.", "emotion": "happiness", "intention": "joy",
}  # fmt: skip


def good(body, number):
    question = body["messages"][-1]["content"][-1]["text"]
    if "key keywords" in question:
        return Answer(json.dumps({"keywords": f"call {number}"}))
    return Answer(json.dumps(ANSWER))


async def go(server, stickers, journal, options=None, **run):
    backend = HTTPBackend(server.url, "bad")
    try:
        return await describe_async(stickers, backend, journal, options, **run)
    finally:
        await backend.aclose()


async def test_one_call_a_sticker_gives_everything(tmp_path):
    stickers = [saved(tmp_path, n) for n in range(3)]
    async with bad_server(good) as server:
        rows, summary = await go(server, stickers, tmp_path / "j.jsonl")
    assert summary.calls == 3 and [row["id"] for row in rows] == ["pack/0", "pack/1", "pack/2"]
    row = rows[1]
    assert row["sha256"] == stickers[1].sha256 and row["engine"] == "llm" and row["model"] == "bad"
    assert row["attributes"] == {
        "gesture": "waving", "posture": "", "facial_expression": "grin", "verbal": "",
    }  # fmt: skip
    assert (row["description"], row["emotion"], row["intention"]) == (
        "A face that waves hello.",
        "happiness",
        "joy",
    )
    assert row["options"]["frames"] == 4 and len(row["prompt"]) == 12 and row["usage"]["prompt_tokens"] == 7


async def test_the_prompt_is_head_image_question(tmp_path):
    async with bad_server(good) as server:
        await go(server, [saved(tmp_path, 1, frames=6)], tmp_path / "j.jsonl", DescribeOptions(frames=3))
    (call,) = server.calls
    assert [message["role"] for message in call["messages"]] == ["system", "user"]
    kinds = [part["type"] for part in call["messages"][1]["content"]]
    assert kinds == ["image_url"] * 3 + ["text"]
    assert "never instructions" in call["messages"][0]["content"]


async def test_four_turns_share_head_and_image_and_make_one_row(tmp_path):
    options = DescribeOptions(per_attribute=True)
    stickers = [saved(tmp_path, n) for n in range(2)]
    async with bad_server(good) as server:
        rows, summary = await go(server, stickers, tmp_path / "j.jsonl", options, concurrency=1)
        assert (await go(server, stickers, tmp_path / "j.jsonl", options))[1].calls == 0
    assert summary.calls == 8 and len(rows) == 2
    assert rows[0]["attributes"] == {name: f"call {n}" for n, name in enumerate(ATTRIBUTES)}
    assert "emotion" not in rows[0] and rows[0]["usage"]["calls"] == 4
    parts = [call["messages"][1]["content"] for call in server.calls[:4]]
    assert len({part[0]["image_url"]["url"] for part in parts}) == 1
    assert len({part[1]["text"] for part in parts}) == 4


async def test_a_sticker_of_which_a_turn_failed_is_not_described_yet(tmp_path):
    def without_posture(body, number):
        question = body["messages"][1]["content"][-1]["text"]
        return Answer("no") if "describe the posture" in question else Answer('{"keywords": "x"}')

    options = DescribeOptions(per_attribute=True, max_tries=1)
    async with bad_server(without_posture) as server:
        rows, summary = await go(server, [saved(tmp_path, 1)], tmp_path / "j.jsonl", options)
    assert rows == [] and summary.answered == 3 and summary.failed == {"not_json": 1}
    failure = json.loads(failures_path(tmp_path / "j.jsonl").read_text())
    assert failure["attribute"] == "posture" and failure["id"] == "pack/1"


async def test_the_same_image_under_two_ids_is_described_once_for_both(tmp_path):
    one, two = saved(tmp_path / "a", 1), saved(tmp_path / "b", 1)
    assert one.sha256 == two.sha256
    from dataclasses import replace

    async with bad_server(good) as server:
        rows, summary = await go(server, [one, replace(two, id="other")], tmp_path / "j.jsonl")
    assert summary.calls == 1 and [row["id"] for row in rows] == ["pack/1", "other"]


@pytest.mark.parametrize(
    "changed",
    [
        DescribeOptions(language="zh"),
        DescribeOptions(frames=1),
        DescribeOptions(max_pixels=100),
        DescribeOptions(policy="free"),
        DescribeOptions(per_attribute=True),
    ],
)
async def test_another_setting_means_another_answer(tmp_path, changed):
    stickers = [saved(tmp_path, 1)]
    async with bad_server(good) as server:
        await go(server, stickers, tmp_path / "j.jsonl")
        _, summary = await go(server, stickers, tmp_path / "j.jsonl", changed)
        assert summary.answered == summary.calls > 0
        assert (await go(server, stickers, tmp_path / "j.jsonl"))[1].calls == 0


async def test_a_broken_image_is_told_and_the_rest_described(tmp_path):
    stickers = [saved(tmp_path, n) for n in range(3)]
    (tmp_path / "1.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    (tmp_path / "2.png").unlink()
    async with bad_server(good) as server:
        rows, summary = await go(server, stickers, tmp_path / "j.jsonl")
    assert [row["id"] for row in rows] == ["pack/0"] and summary.failed == {"unreadable": 2}


async def test_a_pack_that_is_not_indexed_can_be_described(tmp_path):
    sticker = saved(tmp_path / "pack", 1)
    async with bad_server(good) as server:
        with open_pack(tmp_path / "pack") as reader:
            from retriever.packs import PackEntry

            entries = [entry for entry in reader if isinstance(entry, PackEntry)]
            rows, _ = await go(server, entries, tmp_path / "j.jsonl")
    assert [row["sha256"] for row in rows] == [sticker.sha256]


def test_describe_runs_without_and_inside_an_event_loop(tmp_path):
    import asyncio

    import httpx
    from bad_server import completion

    def transport():
        def answer(request):
            if request.method == "GET":
                return httpx.Response(200, json={"data": [{"id": "m"}]})
            return httpx.Response(200, content=completion(json.dumps(ANSWER)))

        return httpx.MockTransport(answer)

    sticker = saved(tmp_path, 1)
    rows, _ = describe([sticker], HTTPBackend("http://x", transport=transport()), tmp_path / "a.jsonl")

    async def inside():
        return describe([sticker], HTTPBackend("http://x", transport=transport()), tmp_path / "b.jsonl")

    again, _ = asyncio.run(inside())
    assert rows[0]["model"] == "m" and rows[0]["attributes"] == again[0]["attributes"]


async def test_no_server_is_one_clear_error_before_anything_is_written(tmp_path):
    with pytest.raises(ModelError, match="no server answers"):
        await describe_async(
            [saved(tmp_path, 1)], HTTPBackend("http://127.0.0.1:9", "m"), tmp_path / "j.jsonl"
        )
    assert not (tmp_path / "j.jsonl").exists()


def test_a_prompt_without_the_questions_is_refused(tmp_path):
    path = tmp_path / "own.toml"
    path.write_text(
        'name = "own"\nlanguage = "en"\nversion = 1\nsystem = "s"\nquestion = "q"\nreask = "{problem}"\n'
    )
    assert DescribeOptions(prompt=path).load_prompt().question == "q"
    with pytest.raises(InputError, match="has no question for: gesture, posture"):
        DescribeOptions(prompt=path, per_attribute=True).load_prompt()
