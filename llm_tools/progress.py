"""A line on stderr that says how a run is going."""

import logging
from types import TracebackType
from typing import Self

from llm_tools.budget import Meter

__all__ = ["RunProgress"]

logger = logging.getLogger(__name__)


class RunProgress:
    """Items a second, tokens a second, failures, time left.

    Args:
        label: what is being done.
        total: items to do; None when unknown.
        show: None follows the log level (shown at INFO and below).
    """

    def __init__(self, label: str, total: int | None, meter: Meter, show: bool | None = None) -> None:
        self._label, self._total, self._meter = label, total, meter
        self._shown = logger.isEnabledFor(logging.INFO) if show is None else show
        self._failures = 0
        self._done = 0

    def __enter__(self) -> Self:
        if self._shown:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            self._bar = Progress(
                TextColumn(self._label),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[rate]}"),
                TimeRemainingColumn(),
                console=Console(stderr=True),
            )
            self._bar.start()
            self._line = self._bar.add_task(self._label, total=self._total, rate="")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._shown:
            self._bar.stop()

    def advance(self, failed: bool) -> None:
        """One more item has ended."""
        self._done += 1
        self._failures += failed
        if self._shown:
            self._bar.update(self._line, advance=1, rate=self.rate())

    def rate(self) -> str:
        """Speed so far, in words."""
        seconds = max(self._meter.seconds, 1e-9)
        return (
            f"{self._done / seconds:.1f} items/s {self._meter.tokens / seconds:.0f} tokens/s "
            f"{self._failures} failed"
        )
