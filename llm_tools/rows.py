"""The rows that a run writes: answers with where they come from, failures with why."""

from datetime import UTC, datetime
from typing import Any

from llm_tools.ask import Failure, Usage
from llm_tools.task import Item, Task

__all__ = ["answer_row", "failure_row"]


def answer_row(
    item: Item, task: Task, model: str, answer: dict[str, Any], usage: Usage, seconds: float
) -> dict[str, Any]:
    """The row of an answered item; `seconds` is how long it took, re-asks and waits included."""
    row = _row(item, task, model, usage)
    row["usage"]["seconds"] = round(seconds, 3)
    return row | {"answer": answer}


def failure_row(item: Item, task: Task, model: str, failure: Failure, usage: Usage) -> dict[str, Any]:
    """The row of an item that has no answer."""
    found = {"reason": failure.reason, "message": failure.message, "raw": failure.raw}
    return _row(item, task, model, usage) | found


def _row(item: Item, task: Task, model: str, usage: Usage) -> dict[str, Any]:
    return {
        "id": item.id,
        "key": item.key,
        "task": task.name,
        **item.facts,
        "model": model,
        "prompt": task.prompt_hash,
        "options": task.all_options,
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "usage": {
            "calls": usage.calls,
            "prompt_tokens": usage.prompt_tokens,
            "completion_tokens": usage.completion_tokens,
        },
    }
