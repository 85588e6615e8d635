"""Answers that are known already: in memory, and in a file where one is named."""

import json
import logging
import os
from collections import OrderedDict
from pathlib import Path
from threading import Lock
from typing import Any

__all__ = ["AnswerCache"]

logger = logging.getLogger(__name__)


class AnswerCache:
    """Answers by key; the least recently used go when it is full.

    With a file, answers outlive the process: every one is appended as a line in a single write, so several
    processes may share the file, and a line torn by a kill is passed over. Being a cache, it may be deleted.

    Args:
        path: the JSON Lines file; None keeps answers in memory only.
        size: how many answers are kept in memory.
    """

    def __init__(self, path: str | Path | None = None, size: int = 100_000) -> None:
        self.path = Path(path) if path is not None else None
        self._size = size
        self._lock = Lock()
        self._kept: OrderedDict[str, Any] = OrderedDict()
        if self.path is not None:
            self._load(self.path)

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: str) -> Any | None:
        """The answer under `key`, or None."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def put(self, key: str, answer: Any) -> None:
        """Keep `answer`, a JSON value other than null, under `key`."""
        with self._lock:
            self._keep(key, answer)
            if self.path is not None:
                line = json.dumps({"key": key, "answer": answer}, ensure_ascii=False) + "\n"
                place = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
                try:
                    os.write(place, line.encode("utf-8", "backslashreplace"))
                finally:
                    os.close(place)

    def _keep(self, key: str, answer: Any) -> None:
        self._kept[key] = answer
        self._kept.move_to_end(key)
        while len(self._kept) > self._size:
            self._kept.popitem(last=False)

    def _load(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            return
        bad = 0
        with path.open("r+b") as file:
            end = b"\n"
            for end in file:
                try:
                    row = json.loads(end)
                    self._keep(row["key"], row["answer"])
                except (ValueError, KeyError, TypeError):
                    bad += 1
            if not end.endswith(b"\n"):
                file.write(b"\n")  # so that the next line does not continue the torn one
        if bad:
            logger.warning("%s: %d unreadable lines passed over", path, bad)
