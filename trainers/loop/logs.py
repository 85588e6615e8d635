"""What a run reports: one JSON object a line, and TensorBoard where it is installed."""

import json
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from retriever.store.atomic import write_chunks

__all__ = ["RunLog", "read_log"]


class RunLog:
    """Appends to ``log.jsonl`` in the run's folder, and mirrors numbers to ``tensorboard/``.

    A run that goes on first forgets the lines after the state it goes on from, so that no step stands twice.
    """

    def __init__(self, folder: Path, step: int) -> None:
        self.path = folder / "log.jsonl"
        kept = [row for row in read_log(self.path) if row["step"] <= step] if self.path.exists() else []
        write_chunks(self.path, (f"{json.dumps(row, ensure_ascii=False)}\n".encode() for row in kept))
        self._file = self.path.open("a", encoding="utf-8")
        self._board: Any = None
        if find_spec("tensorboard") is not None:
            from torch.utils.tensorboard import SummaryWriter

            self._board = SummaryWriter(str(folder / "tensorboard"), purge_step=step + 1)

    def write(self, kind: str, step: int, values: Mapping[str, float], **rest: Any) -> None:
        """One line: ``kind`` is ``train`` or ``valid``."""
        numbers = {name: float(value) for name, value in values.items()}
        self._file.write(json.dumps({"kind": kind, "step": step, **numbers, **rest}) + "\n")
        self._file.flush()
        if self._board is not None:
            for name, value in numbers.items():
                self._board.add_scalar(f"{kind}/{name}", value, step)

    def close(self) -> None:
        """Flush and close."""
        self._file.close()
        if self._board is not None:
            self._board.close()


def read_log(path: Path) -> list[dict[str, Any]]:
    """The lines of a log; a last line that a kill has cut off is left out."""
    rows: list[dict[str, Any]] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            rows.append(json.loads(line))
        except ValueError:
            break
    return rows
