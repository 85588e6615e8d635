"""What systems take: time, calls, tokens, money. None of it decides a result."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median
from typing import Any

from eval.results import Cost
from eval.systems import Usage

__all__ = ["CostLog", "Price", "read_cost"]


@dataclass(frozen=True, slots=True)
class Price:
    """Money for a million tokens, in any currency.

    Attributes:
        prompt, completion: of what a model reads, and of what it writes.
    """

    prompt: float
    completion: float


class CostLog:
    """Appends to a file what one session of one system took."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(exist_ok=True)
        self._path = path
        if path.is_file() and not path.read_bytes().endswith(b"\n"):
            self._write_text("\n")  # a line torn by a kill must not swallow the next one
        self._used = Usage()

    def opened(self, seconds: float) -> None:
        """It is there."""
        self._write({"load": round(seconds, 4)})

    def scored(self, milliseconds: Sequence[float], stickers: float, usage: Usage, at_once: int = 1) -> None:
        """A block is done.

        Args:
            milliseconds: of every conversation.
            stickers: seconds spent on the sticker side.
            usage: since the system was opened.
            at_once: how many conversations shared their time.
        """
        spent, self._used = usage - self._used, usage
        line: dict[str, Any] = {"ms": [round(ms, 3) for ms in milliseconds]}
        if at_once > 1:
            line["at_once"] = at_once
        if stickers >= 1e-4:
            line["stickers"] = round(stickers, 4)
        for name in ("calls", "prompt_tokens", "completion_tokens", "cached"):
            if getattr(spent, name):
                line[name] = getattr(spent, name)
        if spent.unanswered:
            line["unanswered"] = dict(spent.unanswered)
        self._write(line)

    def _write(self, line: dict[str, Any]) -> None:
        self._write_text(json.dumps(line, ensure_ascii=False) + "\n")

    def _write_text(self, text: str) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write(text)


def read_cost(path: Path, price: Price | None = None) -> Cost:
    """All sessions of a system together; lines torn by a kill are passed over.

    A thousand picks are reckoned from blocks that were finished, where an answer that was known already would
    have been a call too.
    """
    times: list[float] = []
    total: Counter[str] = Counter()
    unanswered: Counter[str] = Counter()
    load = stickers = 0.0
    needed, at_once = 0, 1
    for line in _lines(path):
        times += line.get("ms", ())
        at_once = max(at_once, line.get("at_once", 1))
        load += line.get("load", 0.0)
        stickers += line.get("stickers", 0.0)
        for name in ("calls", "prompt_tokens", "completion_tokens", "cached"):
            total[name] += line.get(name, 0)
        if line.get("ms"):
            needed += line.get("calls", 0) + line.get("cached", 0)
        unanswered.update(line.get("unanswered", {}))
    each = 1000 * needed / len(times) if times else 0.0
    prompt, completion = (
        each * total[name] / total["calls"] if total["calls"] else None
        for name in ("prompt_tokens", "completion_tokens")
    )
    money = None
    if price is not None and prompt is not None and completion is not None:
        money = (prompt * price.prompt + completion * price.completion) / 1e6
    return Cost(
        n=len(times),
        ms_median=median(times) if times else None,
        ms_mean=fmean(times) if times else None,
        at_once=at_once,
        sticker_seconds=stickers,
        load_seconds=load,
        calls=total["calls"],
        prompt_tokens=total["prompt_tokens"],
        completion_tokens=total["completion_tokens"],
        cached=total["cached"],
        unanswered=dict(unanswered),
        calls_per_1000=each or None,
        prompt_tokens_per_1000=prompt,
        completion_tokens_per_1000=completion,
        price_per_1000=money,
    )


def _lines(path: Path) -> list[dict[str, Any]]:
    found = []
    for line in path.read_bytes().splitlines() if path.is_file() else ():
        try:
            parsed = json.loads(line)
        except ValueError:
            continue
        if isinstance(parsed, dict):
            found.append(parsed)
    return found
