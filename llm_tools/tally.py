"""What became of every item of a run, whoever asks: filed, counted, and stopped when the server is gone."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from llm_tools.budget import Meter
from llm_tools.journal import Journal
from llm_tools.summary import Summary
from llm_tools.task import Item

__all__ = ["Tally"]

logger = logging.getLogger(__name__)

_TRIED_AGAIN = frozenset({"transport"})
"""Failures that say nothing about the item: the next run asks again."""


@dataclass
class Tally:
    """The books of one run.

    Attributes:
        answers, failures: open journals; a row is on its way to the disk as soon as it is filed.
        retry_failed: items that failed in an earlier run are asked about again.
        patience: how many calls in a row may get no answer before `stop` is called.
        stop: lets no further call begin; is told why.
        advance: told at the end of every item whether it failed.
    """

    answers: Journal
    failures: Journal
    retry_failed: bool
    patience: int
    stop: Callable[[str], None]
    advance: Callable[[bool], None]
    summary: Summary = field(default_factory=Summary)
    _done: set[str] = field(default_factory=set)
    _failed_before: set[str] = field(default_factory=set)
    _failed_now: dict[str, str] = field(default_factory=dict)
    _waiting: set[str] = field(default_factory=set)
    _twins: list[str] = field(default_factory=list)
    _lost_in_a_row: int = 0

    def __post_init__(self) -> None:
        self._done = {row["key"] for row in self.answers.rows()}
        if not self.retry_failed:
            known = (row["key"] for row in self.failures.rows() if row["reason"] not in _TRIED_AGAIN)
            self._failed_before = {key for key in known if key not in self._done}

    def to_ask(self, items: Iterable[Item]) -> Iterator[Item]:
        """The items that have to be asked about, once each; the others are counted on the way."""
        for item in items:
            self.summary.items += 1
            if item.key in self._done:
                self.summary.reused += 1
                self.advance(False)
            elif item.key in self._failed_before:
                self.summary.failed_before += 1
                self.advance(True)
            elif item.key in self._waiting:
                self._twins.append(item.key)
            else:
                self._waiting.add(item.key)
                yield item

    def file(self, row: Mapping[str, Any]) -> None:
        """Keep one row of `llm_tools.rows`: an answer, or a failure with its reason."""
        failed = "answer" not in row
        if failed:
            self.failures.append(row)
            self._failed_now[row["key"]] = row["reason"]
            self.summary.failed[row["reason"]] += 1
        else:
            self.answers.append(row)
            self._done.add(row["key"])
            self.summary.answered += 1
        self._watch_for_loss(row)
        self.advance(failed)

    def not_asked(self) -> None:
        """One item is left for the next run."""
        self.summary.not_asked += 1

    def close(self, meter: Meter) -> Summary:
        """The summary, with what `meter` counted; what became of an item holds for all with its key."""
        summary = self.summary
        for key in self._twins:
            if key in self._done:
                summary.reused += 1
            elif key in self._failed_now:
                summary.failed[self._failed_now[key]] += 1
            else:
                summary.not_asked += 1
        summary.calls = meter.calls
        summary.prompt_tokens, summary.completion_tokens = meter.prompt_tokens, meter.completion_tokens
        summary.seconds = meter.seconds
        summary.stopped = meter.stop_reason if summary.not_asked else None
        logger.info("%s", summary)
        return summary

    def _watch_for_loss(self, row: Mapping[str, Any]) -> None:
        """A server that is gone would turn the whole rest into failures: stop instead."""
        if row.get("reason") == "unreadable":  # never reached the server
            return
        self._lost_in_a_row = self._lost_in_a_row + 1 if row.get("reason") == "transport" else 0
        if self._lost_in_a_row >= self.patience:
            self.stop(f"{self._lost_in_a_row} calls in a row got no answer: {row['message']}")
