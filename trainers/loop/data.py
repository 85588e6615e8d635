"""Batches on their way to the device: fetched ahead by a thread, moved as they are needed."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from queue import Queue
from threading import Event, Thread
from typing import Any

__all__ = ["prefetch", "to_device"]

_END = object()


def prefetch(batches: Iterable[Any], depth: int = 2) -> Iterator[Any]:
    """The same batches, up to `depth` of them made ahead by a thread; what it raises, this raises."""
    queue: Queue[tuple[Any, BaseException | None]] = Queue(depth)
    stop = Event()

    def work() -> None:
        error: BaseException | None = None
        try:
            for batch in batches:
                queue.put((batch, None))
                if stop.is_set():
                    return
        except BaseException as caught:  # handed to the consumer
            error = caught
        queue.put((_END, error))

    thread = Thread(target=work, name="prefetch", daemon=True)
    thread.start()
    try:
        while True:
            batch, error = queue.get()
            if error is not None:
                raise error
            if batch is _END:
                return
            yield batch
    finally:
        stop.set()
        while thread.is_alive():  # it may be waiting for room in the queue
            while not queue.empty():
                queue.get_nowait()
            thread.join(0.01)


def to_device(batch: Any, device: Any) -> Any:
    """The batch with every tensor in it on `device`; other values stay as they are."""
    import torch

    if isinstance(batch, torch.Tensor):
        return batch.to(device, non_blocking=True)
    if isinstance(batch, Mapping):
        return {key: to_device(value, device) for key, value in batch.items()}
    if is_dataclass(batch) and not isinstance(batch, type):
        moved = {field.name: to_device(getattr(batch, field.name), device) for field in fields(batch)}
        return replace(batch, **moved)
    if isinstance(batch, tuple) and hasattr(batch, "_fields"):
        return type(batch)(*(to_device(value, device) for value in batch))
    if isinstance(batch, list | tuple):
        return type(batch)(to_device(value, device) for value in batch)
    return batch
