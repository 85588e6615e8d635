import json

import pytest

from llm_tools.answers import AttributeAnswer
from llm_tools.backends import Message, Picture
from llm_tools.estimate import Price, estimate
from llm_tools.task import Item, Task, result_key
from retriever.errors import BadImage

TASK = Task("describe", AttributeAnswer, "p1", reask="{problem}", max_tokens=100)


def item(name, *parts):
    return Item(name, result_key(name, "m", TASK), lambda: (Message("user", parts or ("x" * 40,)),))


def row(name, time, prompt=200, completion=50):
    usage = {"calls": 1, "prompt_tokens": prompt, "completion_tokens": completion}
    key = result_key(name, "m", TASK)
    return {"id": name, "key": key, "task": "describe", "prompt": "p1", "time": time, "usage": usage}


def test_without_a_journal_prompts_are_measured_and_answers_halved(tmp_path):
    items = [item(f"s{n}", Picture(b"", tokens=100), "x" * 40, "你好吗") for n in range(30)]
    found = estimate(items, TASK, tmp_path / "none.jsonl", price=Price(2.0, 10.0), tokens_per_second=100.0)
    # 100 of the picture, 40 / 4 = 10, 3 * 2/3 = 2, and 5 for the message: 117 in; 100 / 2 = 50 out
    assert (found.items, found.known, found.calls) == (30, 0, 30)
    assert (found.prompt_tokens, found.completion_tokens) == (30 * 117, 30 * 50)
    assert found.seconds == pytest.approx(30 * 167 / 100)
    assert found.price == pytest.approx(30 * (117 * 2 + 50 * 10) / 1e6)
    assert not found.measured and "assumed" in str(found) and not (tmp_path / "none.jsonl").exists()


def test_a_journal_gives_sizes_and_speed(tmp_path):
    journal = tmp_path / "j.jsonl"
    rows = [row("s0", "2026-01-01T00:00:00+00:00"), row("s1", "2026-01-01T00:00:20+00:00", 400, 150)]
    journal.write_text("".join(json.dumps(entry) + "\n" for entry in rows))
    found = estimate([item(f"s{n}") for n in range(6)], TASK, journal)
    assert (found.known, found.calls, found.prompt_tokens, found.completion_tokens) == (
        2,
        4,
        4 * 300,
        4 * 100,
    )
    assert found.tokens_per_second == 800 / 20 and found.measured
    assert found.seconds == pytest.approx(4 * 400 / 40)


def test_twins_cost_once_and_broken_items_do_not_stop_it(tmp_path):
    def broken():
        raise BadImage("empty", "0 bytes")

    items = [item("a"), item("a"), Item("b", "k", broken)]
    found = estimate(items, TASK, tmp_path / "j.jsonl")
    assert found.calls == 2 and found.prompt_tokens == 30  # 40 / 4 + 5, for both


def test_nothing_to_do_costs_nothing(tmp_path):
    found = estimate([], TASK, tmp_path / "j.jsonl", price=Price(1, 1))
    assert found.calls == found.prompt_tokens == found.price == 0
