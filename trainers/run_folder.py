"""A run's folder: one process writes into it at a time; it is of one configuration and one set of data."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from retriever.checkpoints import BEST, CONFIG, TRAINING
from retriever.errors import InputError, short_json
from retriever.store.atomic import write_json
from retriever.store.lock import FOLDER_LOCK, claim
from trainers.loop import STATE

__all__ = ["claimed", "note_config", "note_data"]

DATA = "data.json"
_OURS = (CONFIG, TRAINING, STATE, FOLDER_LOCK)
_TOLD = 4
"""Settings that a refusal names."""


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Make `folder` and keep other runs out of it; the system frees it when its holder dies.

    Raises:
        InputError: it is a file, has other things in it, or another process trains there.
    """
    if folder.is_file():
        raise InputError(f"{folder} is a file; give a folder to train in")
    if folder.is_dir() and any(folder.iterdir()) and not any((folder / name).exists() for name in _OURS):
        raise InputError(f"{folder} has other things in it; give an empty folder, or one of an earlier run")
    folder.mkdir(parents=True, exist_ok=True)
    lock = claim(folder, "training in")
    try:
        yield
    finally:
        lock.release()


def note_config(folder: Path, config: Mapping[str, Any]) -> None:
    """Write the resolved configuration down; a run that has got anywhere does not go on with another.

    Raises:
        InputError: the folder holds a state or a checkpoint of another configuration.
    """
    place = folder / CONFIG
    now = json.loads(json.dumps(config))
    if place.exists() and _has_begun(folder):
        other = _differences(json.loads(place.read_text(encoding="utf-8")), now)
        if other:
            more = f" and {len(other) - _TOLD} more" if len(other) > _TOLD else ""
            raise InputError(
                f"{folder} holds a run with other settings ({', '.join(other[:_TOLD])}{more}); "
                "give another folder with --out"
            )
    write_json(place, now)


def note_data(folder: Path, hashes: Mapping[str, str], notes: Mapping[str, int]) -> None:
    """Write down what the run is trained on; one that has got anywhere does not go on with other data.

    Args:
        hashes: of everything that is read, by name.
        notes: counts of what was left out, and the like.

    Raises:
        InputError: the folder holds a state or a checkpoint of other data.
    """
    place = folder / DATA
    if place.exists() and _has_begun(folder):
        before = json.loads(place.read_text(encoding="utf-8"))["sha256"]
        other = sorted(name for name in before.keys() | hashes if before.get(name) != hashes.get(name))
        if other:
            raise InputError(
                f"{folder} was trained on other data ({', '.join(other)} changed); use another folder"
            )
    write_json(place, {"sha256": dict(hashes), "notes": dict(notes)})


def _has_begun(folder: Path) -> bool:
    """Whether there is anything in it to lose."""
    return (folder / STATE).exists() or (folder / BEST).exists()


def _differences(before: Any, now: Any, place: str = "") -> list[str]:
    """``train.lr was 0.001, is now 0.01`` of every setting that differs."""
    if isinstance(before, dict) and isinstance(now, dict):
        return [
            said
            for key in sorted(before.keys() | now.keys())
            for said in _differences(before.get(key), now.get(key), f"{place}.{key}" if place else str(key))
        ]
    return [] if before == now else [f"{place} was {short_json(before, 40)}, is now {short_json(now, 40)}"]
