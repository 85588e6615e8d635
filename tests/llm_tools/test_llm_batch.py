import asyncio
import json
import threading

import pytest
from bad_server import Answer, bad_server, user_text

from llm_tools.answers import AttributeAnswer
from llm_tools.backends import HTTPBackend, Message
from llm_tools.backends.retry import RetryPolicy
from llm_tools.batch import answered_rows, failures_path, run_batch_async
from llm_tools.budget import Budget
from llm_tools.task import Item, Task, result_key
from retriever.errors import BadImage, InputError, LibraryLocked, ModelError

QUICK = RetryPolicy(attempts=3, first_wait=0.01, longest_wait=0.05)
TASK = Task("describe", AttributeAnswer, "p1", reask="Not so: {problem}", max_tries=3)


def item(name, task=TASK):
    return Item(name, result_key(name, "bad", task), lambda: (Message("user", (name,)),), {"sha256": name})


def items(count):
    return [item(f"s{n}") for n in range(count)]


def good(body, number=0):
    return Answer(json.dumps({"keywords": f"about {body['messages'][0]['content']}"}))


async def go(server, things, journal, task=TASK, **settings):
    backend = HTTPBackend(server.url, "bad", retry=QUICK)
    try:
        return await run_batch_async(things, task, backend, journal, **settings)
    finally:
        await backend.aclose()


def failures(journal):
    return [json.loads(line) for line in failures_path(journal).read_text(encoding="utf-8").splitlines()]


async def test_every_item_has_its_own_answer_and_says_where_it_comes_from(tmp_path):
    journal = tmp_path / "j.jsonl"
    async with bad_server(good) as server:
        summary = await go(server, items(25), journal, concurrency=4)
    rows = answered_rows(journal)
    assert summary.complete and summary.answered == summary.calls == 25 and summary.prompt_tokens == 25 * 7
    assert {row["id"]: row["answer"]["keywords"] for row in rows.values()} == {
        f"s{n}": f"about s{n}" for n in range(25)
    }
    row = rows[item("s3").key]
    assert row["model"] == "bad" and row["prompt"] == "p1" and row["sha256"] == "s3"
    assert (
        row["options"]["policy"] == "guided" and row["usage"]["calls"] == 1 and row["time"].endswith("+00:00")
    )


async def test_a_second_run_makes_no_call_at_all(tmp_path):
    async with bad_server(good) as server:
        await go(server, items(10), tmp_path / "j.jsonl")
        before = (tmp_path / "j.jsonl").read_bytes()
        summary = await go(server, items(10), tmp_path / "j.jsonl")
        assert len(server.calls) == 10
        more = await go(server, items(12), tmp_path / "j.jsonl")
        assert len(server.calls) == 12
    assert summary.calls == 0 and summary.reused == 10 and summary.complete
    assert more.answered == 2 and (tmp_path / "j.jsonl").read_bytes().startswith(before)


@pytest.mark.parametrize(
    "other",
    [
        Task("describe", AttributeAnswer, "p2", reask="{problem}"),
        Task("infer", AttributeAnswer, "p1", reask="{problem}"),
        Task("describe", AttributeAnswer, "p1", reask="{problem}", temperature=0.7),
        Task("describe", AttributeAnswer, "p1", reask="{problem}", policy="free"),
        Task("describe", AttributeAnswer, "p1", reask="{problem}", options={"max_pixels": 1}),
    ],
)
def test_whatever_changes_an_answer_changes_the_key(other):
    keys = {result_key("h", "m", TASK), result_key("h", "m", other), result_key("i", "m", TASK)}
    keys |= {result_key("h", "n", TASK), result_key("h", "m", TASK, "gesture")}
    assert len(keys) == 5 and all(len(key) == 32 for key in keys)


def test_how_often_is_asked_does_not_change_the_key():
    assert result_key("h", "m", TASK) == result_key(
        "h", "m", Task("describe", AttributeAnswer, "p1", reask="other {problem}", max_tries=9)
    )


async def test_two_items_with_one_key_are_asked_about_once(tmp_path):
    twins = [item("s0"), item("s1"), item("s0")]
    async with bad_server(good) as server:
        summary = await go(server, iter(twins), tmp_path / "j.jsonl")
        assert len(server.calls) == 2
    assert summary.items == 3 and summary.answered == 2 and summary.reused == 1 and summary.complete


async def test_the_calls_in_flight_reach_the_concurrency_and_no_more(tmp_path):
    async with bad_server(lambda body, number: Answer(good(body).text, delay=0.05)) as server:
        await go(server, items(60), tmp_path / "j.jsonl", concurrency=12)
        assert server.most_in_flight == 12


async def test_one_slow_call_holds_up_nobody(tmp_path):
    """With waves of four, s0 would keep three places empty; here the other 39 are answered before it is."""
    released = asyncio.Event()

    def reply(body, number):
        return Answer(good(body).text, delay=1.5 if user_text(body) == "s0" else 0.0)

    journal = tmp_path / "j.jsonl"
    async with bad_server(reply) as server:
        await go(server, items(40), journal, concurrency=4)
        released.set()
    assert [json.loads(line)["id"] for line in journal.read_text().splitlines()][-1] == "s0"


async def test_a_bad_answer_is_asked_for_again_with_what_was_wrong(tmp_path):
    def reply(body, number):
        return Answer("no idea", finish_reason="stop") if len(body["messages"]) == 1 else good(body)

    async with bad_server(reply) as server:
        summary = await go(server, items(1), tmp_path / "j.jsonl")
        again = server.calls[1]["messages"]
    assert summary.answered == 1 and summary.calls == 2
    assert again[1] == {"role": "assistant", "content": "no idea"}
    assert again[2]["content"].startswith("Not so: the reply is not a JSON object")
    (row,) = answered_rows(tmp_path / "j.jsonl").values()
    assert row["usage"]["calls"] == 2 and row["usage"]["prompt_tokens"] == 14


FAULTS = {
    "prose": (Answer("I would rather not."), "not_json"),
    "array": (Answer('["keywords"]'), "not_json"),
    "wrong field": (Answer('{"words": "x"}'), "wrong_schema"),
    "wrong count": (Answer('{"keywords": ["a", "b"]}'), "wrong_schema"),
    "line break": (Answer('{"keywords": "a\\nb"}'), "control_characters"),
    "half a surrogate": (Answer('{"keywords": "\\ud83d"}'), "control_characters"),
    "raw half a surrogate": (Answer("\ud83d"), "not_json"),
    "nothing": (Answer(""), "empty"),
    "cut off": (Answer('{"keywords": "a', finish_reason="length"), "cut_off"),
    "refused": (Answer(status=400, body=b'{"error": {"message": "too long"}}'), "refused"),
    "down": (Answer(status=500), "transport"),
    "hangs up": (Answer(cut=True), "transport"),
    "garbage": (Answer(body=b"<html>"), "transport"),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("policy", ["guided", "free-then-guided", "free"])
async def test_what_never_gets_better_is_kept_with_its_reason_and_nothing_else_is_lost(
    tmp_path, fault, policy
):
    answer, reason = FAULTS[fault]
    task = Task("describe", AttributeAnswer, "p1", reask="{problem}", policy=policy)

    def reply(body, number):
        return answer if body["messages"][0]["content"] == "s1" else good(body)

    journal = tmp_path / "j.jsonl"
    things = [item(f"s{n}", task) for n in range(5)]
    async with bad_server(reply) as server:
        summary = await go(server, things, journal, task)
        asked = sum(call["messages"][0]["content"] == "s1" for call in server.calls)
    assert dict(summary.failed) == {reason: 1} and summary.answered == 4 and not summary.complete
    assert asked == (1 if reason == "refused" else 3)  # three tries by the task, or by the transport
    (failure,) = failures(journal)
    assert failure["id"] == "s1" and failure["key"] == things[1].key and failure["reason"] == reason
    assert failure["message"] and "\n" not in failure["message"]
    if reason not in ("transport", "refused", "empty"):
        assert failure["raw"]
    assert sorted(row["id"] for row in answered_rows(journal).values()) == ["s0", "s2", "s3", "s4"]


async def test_a_failure_is_not_asked_for_again_unless_told_or_the_way_was_at_fault(tmp_path):
    journal = tmp_path / "j.jsonl"
    faults = {"s0": Answer("no"), "s1": Answer(status=500)}
    async with bad_server(lambda body, number: faults.get(user_text(body), good(body))) as server:
        server_url = server.url
        first = await go(server, items(3), journal, Task("describe", AttributeAnswer, "p1", "x", max_tries=1))
        assert server_url and first.failed.total() == 2
    async with bad_server(good) as server:
        second = await go(server, items(3), journal)
        assert [user_text(call) for call in server.calls] == ["s1"]
        assert (second.answered, second.reused, second.failed_before) == (1, 1, 1) and not second.complete
        third = await go(server, items(3), journal, retry_failed=True)
        assert third.answered == 1 and third.complete
        assert (await go(server, items(3), journal)).calls == 0


async def test_guidance_follows_the_policy(tmp_path):
    schemas = {}
    for policy in ("guided", "free-then-guided", "free"):
        task = Task("describe", AttributeAnswer, "p1", reask="{problem}", policy=policy, max_tries=2)
        async with bad_server(lambda body, number: Answer("no")) as server:
            await go(server, [item("s0", task)], tmp_path / f"{policy}.jsonl", task)
            schemas[policy] = ["response_format" in call for call in server.calls]
    assert schemas == {"guided": [True, True], "free-then-guided": [False, True], "free": [False, False]}


async def test_an_answer_that_was_cut_off_gets_more_room(tmp_path):
    async with bad_server(lambda body, number: Answer('{"keywords": "', finish_reason="length")) as server:
        await go(server, items(1), tmp_path / "j.jsonl")
        assert [call["max_tokens"] for call in server.calls] == [384, 576, 864]


async def test_a_budget_of_calls_is_kept_to_the_call_and_the_next_run_goes_on(tmp_path):
    async with bad_server(good) as server:
        first = await go(server, items(30), tmp_path / "j.jsonl", budget=Budget(max_calls=11), concurrency=4)
        assert len(server.calls) == 11
        second = await go(server, items(30), tmp_path / "j.jsonl", concurrency=4)
        assert len(server.calls) == 30
    assert first.answered == 11 and first.not_asked == 19 and first.stopped == "max_calls 11 reached"
    assert second.answered == 19 and second.reused == 11 and second.complete


async def test_a_budget_of_tokens_ends_close_below(tmp_path):
    async with bad_server(good) as server:
        summary = await go(
            server, items(50), tmp_path / "j.jsonl", budget=Budget(max_tokens=100), concurrency=1
        )
    assert summary.prompt_tokens + summary.completion_tokens == 100  # ten tokens a call, one call at a time
    assert summary.answered == 10 and summary.not_asked == 40


async def test_a_budget_that_ends_between_two_tries_leaves_the_item_for_later(tmp_path):
    async with bad_server(lambda body, number: Answer("no")) as server:
        summary = await go(server, items(1), tmp_path / "j.jsonl", budget=Budget(max_calls=2))
    assert summary.not_asked == 1 and not summary.failed and failures(tmp_path / "j.jsonl") == []


async def test_an_item_that_cannot_be_made_is_a_failure_of_its_own(tmp_path):
    def broken():
        raise BadImage("truncated", "half a file")

    bad = Item("broken", "k" * 32, broken)
    async with bad_server(good) as server:
        summary = await go(server, [bad, *items(2)], tmp_path / "j.jsonl")
        assert len(server.calls) == 2
    assert dict(summary.failed) == {"unreadable": 1} and summary.answered == 2
    assert failures(tmp_path / "j.jsonl")[0]["message"] == "truncated: half a file"


async def test_prompts_are_made_in_threads_ahead_of_the_calls(tmp_path):
    threads = set()

    def made(name):
        threads.add(threading.current_thread().name)
        return (Message("user", (name,)),)

    things = [Item(f"s{n}", f"{n:032}", lambda n=n: made(f"s{n}")) for n in range(20)]
    async with bad_server(good) as server:
        await go(server, things, tmp_path / "j.jsonl", concurrency=2)
    assert threads and all(name.startswith("prompt") for name in threads)


async def test_a_server_that_is_gone_stops_the_run_instead_of_failing_everything(tmp_path):
    async with bad_server(lambda body, number: Answer(status=503)) as server:
        summary = await go(server, items(400), tmp_path / "j.jsonl", concurrency=4)
    assert "calls in a row got no answer" in summary.stopped
    assert summary.not_asked > 380 and summary.not_asked + summary.failed["transport"] == 400


async def test_a_key_that_is_refused_ends_the_run_with_one_clear_error(tmp_path):
    async with bad_server(lambda body, number: Answer(status=401)) as server:
        with pytest.raises(ModelError, match="refuses the API key"):
            await go(server, items(20), tmp_path / "j.jsonl", concurrency=4)


async def test_two_runs_on_one_journal_exclude_each_other(tmp_path):
    async with bad_server(lambda body, number: Answer(good(body).text, delay=0.5)) as server:
        first = asyncio.create_task(go(server, items(2), tmp_path / "j.jsonl"))
        while not (tmp_path / "j.jsonl.holder").exists():
            await asyncio.sleep(0.01)
        with pytest.raises(LibraryLocked, match="is being written by process"):
            await go(server, items(2), tmp_path / "j.jsonl")
        assert (await first).answered == 2


async def test_nothing_to_do_needs_no_call(tmp_path):
    async with bad_server(good) as server:
        summary = await go(server, [], tmp_path / "j.jsonl")
    assert summary.items == summary.calls == 0 and summary.complete


def test_the_summary_counts_in_words(tmp_path):
    from collections import Counter

    from llm_tools.summary import Summary

    text = str(
        Summary(
            items=9,
            answered=3,
            reused=1,
            failed=Counter(not_json=2),
            not_asked=3,
            stopped="max_calls 5 reached",
        )
    )
    assert text.startswith(
        "9 items: 3 answered, 1 known already; 2 failed (2 not_json); 3 not asked (max_calls 5"
    )


def test_a_policy_that_does_not_exist_is_refused():
    with pytest.raises(InputError, match="policy is 'maybe'; expected one of guided"):
        Task("x", AttributeAnswer, "p", reask="{problem}", policy="maybe")
