"""What a run would cost, without a single call."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from llm_tools.backends.base import Message, Picture
from llm_tools.batch import answered_rows
from llm_tools.task import Item, Task
from retriever.errors import StickerError

__all__ = ["Estimate", "Price", "estimate"]

_SAMPLE = 16
_ASSUMED_TOKENS_PER_SECOND = 5000.0
"""Tokens in and out. A 7B model on one large GPU does two to four times that, a small GPU less."""
_MESSAGE_TOKENS = 5


@dataclass(frozen=True, slots=True)
class Price:
    """Money for a million tokens, in whatever currency."""

    prompt: float
    completion: float


@dataclass(frozen=True, slots=True)
class Estimate:
    """What is left to do.

    Attributes:
        items: how many were given.
        known: answered already.
        calls: at least; re-asks come on top.
        prompt_tokens, completion_tokens: expected.
        seconds: expected, at `tokens_per_second`.
        measured: the last three come from the journal's own rows and not from assumptions.
        price: in the unit of `Price`, or None when none was given.
    """

    items: int
    known: int
    calls: int
    prompt_tokens: int
    completion_tokens: int
    seconds: float
    tokens_per_second: float
    measured: bool
    price: float | None = None

    def __str__(self) -> str:
        source = "as measured so far" if self.measured else "assumed"
        text = (
            f"{self.items} items, {self.known} known: {self.calls} calls, about {self.prompt_tokens} + "
            f"{self.completion_tokens} tokens, {self.seconds / 60:.1f} min at {self.tokens_per_second:.0f} "
            f"tokens/s ({source})"
        )
        return text if self.price is None else f"{text}, price {self.price:.2f}"


def estimate(
    items: Sequence[Item],
    task: Task,
    journal: Path,
    *,
    price: Price | None = None,
    tokens_per_second: float | None = None,
) -> Estimate:
    """What `run_batch` would do with the same arguments; makes no call and writes nothing.

    Sizes are those of the answers that the journal already has for this task, or else of a few prompts that
    are really made, with answers of half their bound. Text is counted by its letters, without a tokenizer.

    Args:
        price: of tokens.
        tokens_per_second: of the server, in and out; None takes the journal's speed, else an assumption.
    """
    rows = answered_rows(journal)
    waiting = {item.key: item for item in items if item.key not in rows}
    same = [row for row in rows.values() if row["task"] == task.name and row["prompt"] == task.prompt_hash]
    prompt, completion = _usage_of(same) or _guessed(waiting.values(), task)
    speed = tokens_per_second or _speed_of(same)
    calls = len(waiting)
    total = calls * (prompt + completion)
    cost = None if price is None else calls * (prompt * price.prompt + completion * price.completion) / 1e6
    return Estimate(
        items=len(items),
        known=sum(item.key in rows for item in items),
        calls=calls,
        prompt_tokens=round(calls * prompt),
        completion_tokens=round(calls * completion),
        seconds=total / (speed or _ASSUMED_TOKENS_PER_SECOND),
        tokens_per_second=speed or _ASSUMED_TOKENS_PER_SECOND,
        measured=bool(same) and speed is not None and tokens_per_second is None,
        price=cost,
    )


def _usage_of(rows: Sequence[Mapping[str, Any]]) -> tuple[float, float] | None:
    """Mean tokens in and out of an answered item, or None without any."""
    if not rows:
        return None
    usages = [row["usage"] for row in rows]
    return (
        sum(usage["prompt_tokens"] for usage in usages) / len(usages),
        sum(usage["completion_tokens"] for usage in usages) / len(usages),
    )


def _speed_of(rows: Sequence[Mapping[str, Any]]) -> float | None:
    """Tokens a second between the first row and the last, if they are far enough apart to tell."""
    times = sorted(datetime.fromisoformat(row["time"]) for row in rows)
    seconds = (times[-1] - times[0]).total_seconds() if times else 0.0
    tokens = sum(row["usage"]["prompt_tokens"] + row["usage"]["completion_tokens"] for row in rows)
    return tokens / seconds if seconds >= 10 else None


def _guessed(items: Iterable[Item], task: Task) -> tuple[float, float]:
    sizes: list[float] = []
    for item in items:
        if len(sizes) == _SAMPLE:
            break
        try:
            sizes.append(_prompt_tokens(item.messages()))
        except (StickerError, OSError):  # the run will say which and why
            continue
    return (sum(sizes) / len(sizes) if sizes else 0.0), task.max_tokens / 2


def _prompt_tokens(messages: Sequence[Message]) -> float:
    parts = [part for message in messages for part in message.parts]
    pictures = sum(part.tokens for part in parts if isinstance(part, Picture))
    return (
        pictures
        + sum(_text_tokens(part) for part in parts if isinstance(part, str))
        + _MESSAGE_TOKENS * len(messages)
    )


def _text_tokens(text: str) -> float:
    """A quarter of a token a letter, two thirds for everything beyond ASCII."""
    ascii_letters = sum(character.isascii() for character in text)
    return ascii_letters / 4 + (len(text) - ascii_letters) * 2 / 3
