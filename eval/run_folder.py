"""The folder of one evaluation: its configuration, the versions it ran with, and a record a query.

Records are appended a block at a time and flushed to disk, so a run killed at any moment loses at most the
block it was working on; a torn last line is cut off when the folder is opened again.
"""

import json
import logging
import platform
from collections.abc import Iterable, Mapping
from importlib.metadata import distributions
from os import fsync
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from filelock import FileLock, Timeout

from eval.records import Record
from eval.runs import write_atomically
from retriever.errors import InputError

__all__ = ["RunFolder"]

logger = logging.getLogger(__name__)

CONFIG, ENVIRONMENT, RECORDS, LOCK = "config.json", "environment.json", "records.jsonl", ".lock"


class RunFolder:
    """Open a folder for one evaluation, new or half done; use it as a context manager.

    Args:
        path: made if it is not there.
        config: everything that decides the results, as JSON values; has to equal that of a half-done run.

    Raises:
        InputError: another process is writing there, the folder holds something else or a run with another
            configuration, or its records are damaged in the middle.
    """

    def __init__(self, path: Path, config: Mapping[str, Any]) -> None:
        if path.exists() and not path.is_dir():
            raise InputError(f"{path} is a file; give a folder for the results")
        if (
            path.is_dir()
            and any(path.iterdir())
            and not (path / CONFIG).is_file()
            and not (path / LOCK).is_file()
        ):
            raise InputError(f"{path} holds files that are no evaluation; give a new or empty folder")
        path.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._lock = FileLock(path / LOCK)
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise InputError(
                f"another process is evaluating into {path}; wait for it, or give another folder"
            ) from None
        try:
            self._settle(json.loads(json.dumps(dict(config))))
            self.records = _read_records(path / RECORDS)
            self._file = (path / RECORDS).open("ab")
        except BaseException:
            self._lock.release()
            raise

    def append(self, records: Iterable[Record]) -> None:
        """Add records; they are on disk when this returns."""
        lines = [json.dumps(record, ensure_ascii=False) + "\n" for record in records]
        self._file.write("".join(lines).encode())
        self._file.flush()
        fsync(self._file.fileno())

    def close(self) -> None:
        """Let others use the folder."""
        self._file.close()
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _settle(self, config: dict[str, Any]) -> None:
        """Write the configuration, or compare it with the one there."""
        place = self.path / CONFIG
        if place.is_file():
            _refuse_other(json.loads(place.read_text(encoding="utf-8")), config, self.path)
        else:
            write_atomically(place, [json.dumps(config, ensure_ascii=False, indent=2), "\n"])
        here = _environment()
        known = self.path / ENVIRONMENT
        if known.is_file() and json.loads(known.read_text(encoding="utf-8")) != here:
            logger.warning("%s was begun with other package versions; see %s", self.path, known)
        else:
            write_atomically(known, [json.dumps(here, indent=2), "\n"])


def _refuse_other(there: dict[str, Any], wanted: dict[str, Any], path: Path) -> None:
    changed = [key for key in {**there, **wanted} if there.get(key) != wanted.get(key)]
    if changed:
        key = changed[0]
        raise InputError(
            f"{path} holds an evaluation with another {', '.join(changed)} "
            f"({key} {_short(there.get(key))}, now {_short(wanted.get(key))}); "
            "give another folder, or delete this one"
        )


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "..."


def _environment() -> dict[str, Any]:
    packages = {(dist.metadata["Name"] or "?").lower(): dist.version for dist in distributions()}
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": dict(sorted(packages.items())),
    }


def _read_records(path: Path) -> dict[str, Record]:
    """Records by query id; an unfinished last line is cut off the file."""
    if not path.is_file():
        return {}
    records: dict[str, Record] = {}
    good = 0
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.endswith(b"\n"):
                break
            try:
                record: Record = json.loads(line)
                records[record["id"]] = record
            except (ValueError, TypeError, KeyError):
                raise InputError(
                    f"{path}, line {number}: damaged record; delete the folder and evaluate again"
                ) from None
            good += len(line)
    if good < path.stat().st_size:
        logger.info("cut an unfinished record off %s", path)
        with path.open("r+b") as file:
            file.truncate(good)
            fsync(file.fileno())
    return records
