"""Several copies of a backend, each in a process with GPUs of its own: data parallelism on one machine.

vLLM's in-process engine does not do this itself; its server does (``vllm serve --data-parallel-size``), and
Ray does it over many machines (`llm_tools.ray_job`).
"""

import asyncio
import itertools
import multiprocessing
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

from llm_tools.backends.base import Backend, Capabilities, Reply, Request
from retriever.errors import InputError, ModelError

__all__ = ["ReplicatedBackend", "visible_devices"]


def visible_devices(replica: int, each: int, visible: str | None = None) -> str:
    """The value of ``CUDA_VISIBLE_DEVICES`` for a replica: its own `each` of the devices that are visible.

    Args:
        replica: which one, from 0.
        each: devices a replica.
        visible: what is visible now; None means all, counted from 0.

    Raises:
        InputError: there are not enough of them.
    """
    first = replica * each
    if visible is None:
        return ",".join(str(first + number) for number in range(each))
    devices = [device for device in visible.split(",") if device.strip()]
    if first + each > len(devices):
        raise InputError(
            f"replica {replica} needs {each} devices, but only {len(devices)} are visible: {visible}"
        )
    return ",".join(devices[first : first + each])


class ReplicatedBackend:
    """Spreads requests over `count` backends, each made by `factory` in a process of its own.

    Replicas load one after the other, because engines measure free memory while they load. A request goes to
    the replica with the fewest in flight.

    Args:
        factory: makes one backend; has to be picklable (a class or a `functools.partial` of one).
        count: how many.
        devices_each: GPUs of each; 0 leaves devices alone.
        model: the id recorded with results.
    """

    def __init__(
        self,
        factory: Callable[[], Backend],
        count: int,
        *,
        model: str,
        devices_each: int = 1,
        capabilities: Capabilities | None = None,
    ) -> None:
        if count < 1:
            raise InputError(f"data parallelism is {count}; expected 1 or more")
        self.model = model
        self.capabilities = capabilities or Capabilities()
        self._make = [(factory, _environment(number, devices_each)) for number in range(count)]
        self._replicas: list[_Replica] = []
        self._starting: asyncio.Task[None] | None = None

    async def check(self) -> None:
        """Start the replicas and load their models.

        Raises:
            ModelError: one of them does not load.
        """
        if self._starting is None:
            self._starting = asyncio.ensure_future(self._start())
        await asyncio.shield(self._starting)

    async def _start(self) -> None:
        for factory, environment in self._make:
            replica = _Replica(factory, environment)
            self._replicas.append(replica)
            await asyncio.wrap_future(replica.ready)

    async def complete(self, requests: Sequence[Request]) -> list[Reply]:
        await self.check()
        return list(await asyncio.gather(*(self._complete_one(request) for request in requests)))

    async def _complete_one(self, request: Request) -> Reply:
        replica = min(self._replicas, key=lambda one: one.in_flight)
        return await asyncio.wrap_future(replica.submit(request))

    async def aclose(self) -> None:
        await asyncio.gather(*(asyncio.to_thread(replica.stop) for replica in self._replicas))
        self._replicas, self._starting = [], None


def _environment(replica: int, devices_each: int) -> dict[str, str]:
    if devices_each == 0:
        return {}
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    return {"CUDA_VISIBLE_DEVICES": visible_devices(replica, devices_each, visible)}


class _Replica:
    """The parent's end of one process."""

    def __init__(self, factory: Callable[[], Backend], environment: dict[str, str]) -> None:
        spawn = multiprocessing.get_context("spawn")
        self._pipe, theirs = spawn.Pipe()
        self._process = spawn.Process(target=_serve, args=(theirs, factory, environment))
        self._process.start()
        theirs.close()
        self.ready: Future[None] = Future()
        self._waiting: dict[int, Future[Reply]] = {}
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        threading.Thread(target=self._listen, name="replica", daemon=True).start()

    @property
    def in_flight(self) -> int:
        return len(self._waiting)

    def submit(self, request: Request) -> "Future[Reply]":
        future: Future[Reply] = Future()
        with self._lock:
            number = next(self._numbers)
            self._waiting[number] = future
            try:
                self._pipe.send((number, request))
            except OSError:
                self._waiting.pop(number)
                future.set_exception(ModelError("an engine process has ended"))
        return future

    def stop(self) -> None:
        with self._lock, suppress(OSError):  # it has ended already
            self._pipe.send(None)
        self._process.join(timeout=60)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()

    def _listen(self) -> None:
        """Give out what comes back; when nothing comes any more, tell everybody who waits."""
        try:
            while True:
                number, result = self._pipe.recv()
                if number is None:
                    _settle(self.ready, result)
                else:
                    _settle(self._waiting.pop(number), result)
        except (EOFError, OSError):
            gone = ModelError("an engine process has ended")
            _settle(self.ready, gone)
            for waiting in list(self._waiting.values()):
                _settle(waiting, gone)
            self._waiting.clear()


def _settle(future: "Future[Any]", result: Any) -> None:
    if future.done():
        return
    if isinstance(result, Exception):
        future.set_exception(result)
    else:
        future.set_result(result)


def _serve(pipe: Connection, factory: Callable[[], Backend], environment: dict[str, str]) -> None:
    """A replica's process."""
    os.environ |= environment
    asyncio.run(_serve_async(pipe, factory))


async def _serve_async(pipe: Connection, factory: Callable[[], Backend]) -> None:
    sending = threading.Lock()

    def send(number: int | None, result: Any) -> None:
        with sending:
            pipe.send((number, result))

    try:
        backend = factory()
        await backend.check()
    except Exception as error:
        send(None, ModelError(" ".join(f"{type(error).__name__}: {error}".split())[:400]))
        return
    send(None, None)

    async def answer(number: int, request: Request) -> None:
        try:
            (result,) = await backend.complete([request])
        except Exception as error:
            await asyncio.to_thread(send, number, ModelError(str(error)))
        else:
            await asyncio.to_thread(send, number, result)

    running: set[asyncio.Task[None]] = set()
    try:
        while (entry := await asyncio.to_thread(_received, pipe)) is not None:
            task = asyncio.create_task(answer(*entry))
            running.add(task)
            task.add_done_callback(running.discard)
        await asyncio.gather(*running)
    finally:
        await backend.aclose()


def _received(pipe: Connection) -> Any:
    """The next request; None when told to end, or when the parent is gone."""
    try:
        return pipe.recv()
    except (EOFError, OSError):
        return None
