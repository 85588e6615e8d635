"""Arrays of scored conversations on disk, a few hundred to a file, so that a stopped score pass goes on."""

import json
import os
import zipfile
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from eval.runs import write_atomically
from retriever.errors import InputError
from retriever.store.lock import claim

__all__ = ["Shards"]

Arrays = dict[str, NDArray[Any]]

_CONFIG = "config.json"


class Shards:
    """A folder of numbered shards that belong to one configuration; use it as a context manager.

    Every configuration has a folder of its own under `root`, named by its hash, so nothing is ever mixed up.

    Args:
        root: made if it is not there.
        config: everything that decides the numbers, as JSON values.

    Raises:
        InputError: `root` is a file, or another process is writing the same shards.
    """

    def __init__(self, root: Path, config: Mapping[str, Any]) -> None:
        text = json.dumps(dict(config), sort_keys=True, ensure_ascii=False, indent=1)
        self.path = root / sha256(text.encode()).hexdigest()[:16]
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            raise InputError(f"{root} is a file; give a folder to keep scores in") from None
        self._lock = claim(self.path, "scoring into")
        write_atomically(self.path / _CONFIG, [text, "\n"])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()

    def read(self, number: int) -> Arrays | None:
        """Shard `number`, or None where it was not written yet.

        Raises:
            InputError: it is damaged.
        """
        place = self._place(number)
        if not place.is_file():
            return None
        try:
            with place.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                return {name: arrays[name] for name in arrays.files}
        except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
            raise InputError(
                f"{place} is damaged ({error}); delete it and run the same command again"
            ) from error

    def write(self, number: int, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Write shard `number`; it is on disk, whole, when this returns."""
        place = self._place(number)
        part = place.with_name(f".{place.name}.part")
        with part.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
            file.flush()
            os.fsync(file.fileno())
        part.replace(place)

    def forget(self, numbers: Iterable[int]) -> None:
        """Remove shards, there or not."""
        for number in numbers:
            self._place(number).unlink(missing_ok=True)

    def _place(self, number: int) -> Path:
        return self.path / f"{number:06d}.npz"
