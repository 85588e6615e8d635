"""Keeps a decoder's warnings from a user who cannot act on them; what matters is raised as BadImage."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

_lock = Lock()
_depth = 0
_saved: warnings.catch_warnings | None = None  # type: ignore[type-arg, unused-ignore]


@contextmanager
def quiet_pillow() -> Iterator[None]:
    """Ignore warnings that come from Pillow while inside; nests, and may be entered from many threads.

    `warnings.catch_warnings` alone restores a wrong state when two threads overlap, so the filters are set by
    the first to enter and restored by the last to leave.
    """
    global _depth, _saved
    with _lock:
        if _depth == 0:
            _saved = warnings.catch_warnings()
            _saved.__enter__()
            warnings.filterwarnings("ignore", module=r"PIL(\.|$)")
        _depth += 1
    try:
        yield
    finally:
        with _lock:
            _depth -= 1
            if _depth == 0 and _saved is not None:
                _saved.__exit__(None, None, None)
                _saved = None
