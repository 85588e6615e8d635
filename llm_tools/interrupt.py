"""Ctrl-C during a run: once to finish what is in flight, twice to leave at once."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from llm_tools.budget import Meter

__all__ = ["first_interrupt_stops"]


@contextmanager
def first_interrupt_stops(meter: Meter) -> Iterator[None]:
    """The first Ctrl-C lets the calls in flight finish; the second is the usual one."""
    loop = asyncio.get_running_loop()

    def stop() -> None:
        meter.stop("interrupted")
        loop.remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, before)

    before = signal.getsignal(signal.SIGINT)
    try:
        loop.add_signal_handler(signal.SIGINT, stop)
    except (NotImplementedError, RuntimeError, ValueError):  # not the main thread, or no signals here
        yield
        return
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, before)
