"""Ctrl-C during a run: once to finish what is in flight, twice to leave at once."""

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["first_interrupt_stops"]


@contextmanager
def first_interrupt_stops(stop: Callable[[str], None]) -> Iterator[None]:
    """The first Ctrl-C calls `stop` with a reason: what is in flight finishes. The second is as usual."""
    loop = asyncio.get_running_loop()

    def interrupted() -> None:
        stop("interrupted")
        loop.remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, before)

    before = signal.getsignal(signal.SIGINT)
    try:
        loop.add_signal_handler(signal.SIGINT, interrupted)
    except (NotImplementedError, RuntimeError, ValueError):  # not the main thread, or no signals here
        yield
        return
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, before)
