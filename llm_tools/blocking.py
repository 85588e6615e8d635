"""Coroutines for callers that cannot wait: one event loop in a thread of its own, for the whole process.

Safe to use inside a running event loop (a notebook, a web server) and from any thread. Everything runs on the
same loop, so that connections live on from one call to the next.
"""

import asyncio
import os
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

__all__ = ["on_background_loop", "run_blocking"]

T = TypeVar("T")

_lock = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None
_owner = 0


def run_blocking(work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`; the calling thread waits for it.

    An interrupt of the waiting thread cancels the work.

    Raises:
        RuntimeError: called from the background loop itself, which would wait for ever.
    """
    loop = _background_loop()
    if _running_loop() is loop:
        work.close()
        raise RuntimeError("this would wait for itself; await the coroutine instead")
    future = asyncio.run_coroutine_threadsafe(work, loop)
    try:
        return future.result()
    except BaseException:
        future.cancel()
        raise


async def on_background_loop(work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`, which runs on the background loop while the caller's loop goes on."""
    loop = _background_loop()
    if asyncio.get_running_loop() is loop:
        return await work
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, loop))


def _background_loop() -> asyncio.AbstractEventLoop:
    global _loop, _owner
    with _lock:
        if _loop is None or _owner != os.getpid():  # threads do not survive a fork
            _loop, _owner = asyncio.new_event_loop(), os.getpid()
            threading.Thread(target=_loop.run_forever, name="llm-tools", daemon=True).start()
        return _loop


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
