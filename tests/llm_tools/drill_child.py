"""A run of the batch runner in a process of its own, to be killed: ``drill_child.py URL JOURNAL COUNT``."""

import sys
from pathlib import Path

from llm_tools.answers import AttributeAnswer
from llm_tools.backends import HTTPBackend, Message
from llm_tools.batch import run_batch
from llm_tools.task import Item, Task, result_key

TASK = Task("describe", AttributeAnswer, "p1", reask="{problem}")
CONCURRENCY = 8


def drill_items(count: int) -> list[Item]:
    """Items whose prompt is their name."""
    return [
        Item(f"s{n}", result_key(f"s{n}", "bad", TASK), lambda n=n: (Message("user", (f"s{n}",)),))
        for n in range(count)
    ]


if __name__ == "__main__":
    url, journal, count = sys.argv[1:]
    run_batch(drill_items(int(count)), TASK, HTTPBackend(url, "bad"), Path(journal), concurrency=CONCURRENCY)
