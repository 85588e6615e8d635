"""One kind of progress bar for all long work: named, on stderr, and silent when nobody watches."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Advance = Callable[[int], None]


def nothing(_: int) -> None:
    """An `Advance` that shows nothing."""


@contextmanager
def bar(
    stage: str, total: int | None = None, show: bool | None = None, unit: str = "stickers"
) -> Iterator[Advance]:
    """A progress bar for one stage; the block gets a function that advances it.

    Args:
        total: how many units there are; None when nobody knows.
        show: None shows it when stderr is a terminal.
        unit: what is counted, in the plural.
    """
    if not (sys.stderr.isatty() if show is None else show):
        yield nothing
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        Task,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(f"{task.speed:,.0f} {unit}/s" if task.speed else "")

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        Rate(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(stage, total=total)
        yield lambda n: progress.advance(task, n)
