"""The folder of one evaluation: what decides its results, and a line a query for every system.

::

    config.json          data, library, protocols, and every system's identity and file
    environment.json     commit, Python, package versions
    stickers.jsonl       the library: ids, places of the pictures, labels
    queries.jsonl        what is known of every query before any system is asked
    systems/NAME.jsonl   what a system got for every query, in the same order
    costs/NAME.jsonl     what it took

Lines are appended a block at a time and flushed to disk, so a run killed at any moment loses at most the
block it was working on; a torn last line is cut off when a file is opened again. A system that comes later
adds a file and leaves the others alone. `read_records` puts the files together.
"""

import json
import logging
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from eval.environment import environment
from eval.protocols import LibrarySticker
from eval.record_file import Line, RecordFile
from eval.records import Record, merged
from eval.runs import write_atomically
from eval.systems import SystemSpec
from retriever.errors import InputError, short_json
from retriever.store.lock import FOLDER_LOCK, claim

__all__ = ["CONFIG", "ENVIRONMENT", "QUERIES", "STICKERS", "RunFolder", "read_config", "read_records"]

logger = logging.getLogger(__name__)

CONFIG, ENVIRONMENT = "config.json", "environment.json"
QUERIES, STICKERS = "queries.jsonl", "stickers.jsonl"
SYSTEMS, COSTS = "systems", "costs"


class RunFolder:
    """Open a folder for one evaluation, new or half done; use it as a context manager.

    Args:
        path: made if it is not there.
        config: everything that decides the results except the systems, as JSON values; has to equal that of a
            half-done run.
        durable: flush every block to the disk.

    Raises:
        InputError: another process is writing there, or the folder holds something else or a run with
            another configuration.
    """

    def __init__(self, path: Path, config: Mapping[str, Any], durable: bool = True) -> None:
        if path.exists() and not path.is_dir():
            raise InputError(f"{path} is a file; give a folder for the results")
        known = (path / CONFIG).is_file() or (path / FOLDER_LOCK).is_file()
        if path.is_dir() and any(path.iterdir()) and not known:
            raise InputError(f"{path} holds files that are no evaluation; give a new or empty folder")
        path.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._durable = durable
        self._lock = claim(path, "evaluating into")
        try:
            self.config = self._settle(json.loads(json.dumps(dict(config))))
            self.environment = self._note_environment()
        except BaseException:
            self._lock.release()
            raise

    def enter(self, spec: SystemSpec) -> None:
        """Let a system take part; nothing is opened yet.

        Raises:
            InputError: the folder has records of a system of that name that was another one.
        """
        systems: dict[str, Any] = self.config["systems"]
        identity = json.loads(json.dumps(dict(spec.identity)))
        there = systems.get(spec.name)
        if there is not None:
            _refuse_other(there["identity"], identity, self.path, f"system {spec.name!r}")
            return
        taken = {entry["file"] for entry in systems.values()}
        systems[spec.name] = {
            "file": _file_name(spec.name, taken),
            "scope": spec.scope,
            "identity": identity,
        }
        self._write_config()

    @property
    def names(self) -> list[str]:
        """The systems of the folder, in the order in which they came."""
        return list(self.config["systems"])

    def queries(self) -> RecordFile:
        """The file of the queries."""
        return RecordFile(self.path / QUERIES, self._durable)

    def records_of(self, name: str) -> RecordFile:
        """The file of what a system got."""
        place = _system_file(self.path, self.config, name)
        place.parent.mkdir(exist_ok=True)
        return RecordFile(place, self._durable)

    def costs_of(self, name: str) -> Path:
        """The file of what a system took."""
        return self.path / COSTS / str(self.config["systems"][name]["file"])

    def keep_stickers(self, stickers: Sequence[LibrarySticker]) -> None:
        """Write the library down, once, as far as it is known."""
        if not (self.path / STICKERS).is_file():
            lines = (json.dumps(_sticker_line(sticker), ensure_ascii=False) + "\n" for sticker in stickers)
            write_atomically(self.path / STICKERS, lines)

    def close(self) -> None:
        """Let others use the folder."""
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _settle(self, config: dict[str, Any]) -> dict[str, Any]:
        """Write the configuration, or compare it with the one there; gives it with the systems so far."""
        if not (self.path / CONFIG).is_file():
            self.config = {**config, "systems": {}}
            self._write_config()
            return self.config
        there = read_config(self.path)
        systems = there.pop("systems")
        _refuse_other(there, config, self.path, "evaluation")
        return {**config, "systems": systems}

    def _write_config(self) -> None:
        write_atomically(self.path / CONFIG, [json.dumps(self.config, ensure_ascii=False, indent=2), "\n"])

    def _note_environment(self) -> dict[str, Any]:
        here = environment()
        place = self.path / ENVIRONMENT
        there = json.loads(place.read_text(encoding="utf-8")) if place.is_file() else None
        if there is None:
            write_atomically(place, [json.dumps(here, indent=2), "\n"])
        elif there != here:
            changed = ", ".join(key for key in here if here[key] != there.get(key))
            logger.warning("%s was begun with another %s; see %s", self.path, changed, place)
        return there or here


def read_config(folder: Path) -> dict[str, Any]:
    """What decides the results of the evaluation in a folder.

    Raises:
        InputError: there is none, or one of another version of this project.
    """
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"{folder} holds no readable evaluation ({error}); give a folder made by `sticker eval --out`"
        ) from None
    systems = config.get("systems") if isinstance(config, dict) else None
    if not isinstance(systems, dict) or not all(
        isinstance(entry, dict) and "file" in entry for entry in systems.values()
    ):
        raise InputError(f"{folder} was made by another version; give another folder, or delete this one")
    found: dict[str, Any] = config
    return found


def read_records(
    folder: Path, limit: int | None = None, systems: Iterable[str] | None = None
) -> Iterator[Record]:
    """One record a query (`eval.records`), in the dataset's order; never more than one in memory.

    Args:
        folder: of an evaluation.
        limit: only the first so many queries.
        systems: names in ``config.json``; None takes every system that was evaluated to the last query (or to
            the limit), and passes over those that were stopped before it.

    Raises:
        InputError: no evaluation there, or its files are damaged or do not belong together.
    """
    config = read_config(folder)
    names = finished(folder, config, limit) if systems is None else list(systems)
    yield from merged(folder / QUERIES, [_system_file(folder, config, name) for name in names], limit)


def finished(folder: Path, config: Mapping[str, Any], limit: int | None = None) -> list[str]:
    """The systems with a line for every query (of the first `limit`)."""
    n = _count(folder / QUERIES)
    n = n if limit is None else min(n, limit)
    return [name for name in config["systems"] if _count(_system_file(folder, config, name)) >= n]


def _count(path: Path) -> int:
    if not path.is_file():
        return 0
    with path.open("rb") as file:
        return sum(line.endswith(b"\n") for line in file)


def _system_file(folder: Path, config: Mapping[str, Any], name: str) -> Path:
    return folder / SYSTEMS / str(config["systems"][name]["file"])


def _file_name(name: str, taken: set[str]) -> str:
    """A file's name for a system: readable, and no other system's, also where case does not count."""
    plain = re.sub(r"[^\w.+-]+", "-", name).strip("-.")[:60].lower() or "system"
    own = f"{plain}.jsonl"
    return f"{plain}-{sha256(name.encode()).hexdigest()[:6]}.jsonl" if own in taken else own


def _sticker_line(sticker: LibrarySticker) -> Line:
    names = ("id", "pack", "path", "sha256", "label", "emotion", "emoji", "intention")
    found = {name: getattr(sticker, name, None) for name in names}
    return found | {"verbal": getattr(getattr(sticker, "attributes", None), "verbal", None)}


def _refuse_other(there: Mapping[str, Any], wanted: Mapping[str, Any], path: Path, what: str) -> None:
    changed = [key for key in {**there, **wanted} if there.get(key) != wanted.get(key)]
    if changed:
        key = changed[0]
        raise InputError(
            f"{path} holds an {what} with another {', '.join(changed)} "
            f"({key} {short_json(there.get(key))}, now {short_json(wanted.get(key))}); "
            "give another folder, or delete this one"
        )
