"""Candidate lists on disk: chosen once by a named policy, then the same for every model that is compared.

A JSON Lines file. First line: ``{"policy", "seed", "rows", "source", "counts"}``; then one line a sample:
``{"id", "candidates", "gold"}``, null for an empty slot. ``source`` is the SHA-256 of the dialogue file.
"""

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from sys import intern
from typing import Any

from eval.datasets.choices import Choice, Sent
from retriever.errors import InputError
from retriever.store.atomic import make_folder, temporary_beside

__all__ = ["FrozenCandidates", "file_digest", "freeze", "load_frozen"]


@dataclass(frozen=True, slots=True)
class FrozenCandidates:
    """Candidate lists by sample id.

    Attributes:
        counts: to report beside every score: ``duplicate_gold`` (rows whose gold stands among the negatives
            too), ``padded_rows`` and ``padded_slots`` (empty ones), ``rows``.
    """

    policy: str
    seed: int
    source: str
    choices: dict[str, Choice]
    counts: dict[str, int] = field(default_factory=dict)


def freeze(
    path: Path,
    samples: Sequence[Sent],
    choose: Callable[[int, Sent], Choice],
    policy: str,
    seed: int,
    source: Path,
) -> FrozenCandidates:
    """The lists at `path`, chosen now where there are none yet.

    Raises:
        InputError: the file is of another policy, seed or dialogue file, or damaged.
    """
    digest = file_digest(source)
    if path.exists():
        found = load_frozen(path)
        wanted, got = (policy, seed, digest), (found.policy, found.seed, found.source)
        if wanted != got:
            what = [
                name for name, a, b in zip(("policy", "seed", "source"), wanted, got, strict=True) if a != b
            ]
            raise InputError(
                f"{path} has candidates of another {' and '.join(what)} (policy {found.policy}, seed "
                f"{found.seed}); name another file, or remove it to choose anew"
            )
        missing = [sample.id for sample in samples if sample.id not in found.choices]
        if missing:
            raise InputError(f"{path} has no candidates for {missing[0]!r}; remove it to choose anew")
        return found
    choices = {sample.id: choose(index, sample) for index, sample in enumerate(samples)}
    counts = _counts(choices)
    head = {"policy": policy, "seed": seed, "rows": len(choices), "source": digest, "counts": counts}
    _write(path, head, choices)
    return FrozenCandidates(policy, seed, digest, choices, counts)


def load_frozen(path: Path) -> FrozenCandidates:
    """Read what `freeze` wrote.

    Raises:
        InputError: not such a file, or cut off; names the line.
    """
    number = 1
    try:
        with path.open(encoding="utf-8") as lines:
            head = json.loads(next(lines))
            choices: dict[str, Choice] = {}
            for line in lines:
                number += 1
                row = json.loads(line)
                # the same ids come again and again: one text for each keeps a large file small in memory
                listed = (None if id_ is None else intern(id_) for id_ in row["candidates"])
                choices[row["id"]] = (tuple(listed), int(row["gold"]))
        if len(choices) != head["rows"]:
            raise ValueError(f"{len(choices)} rows; its head says {head['rows']}")
        return FrozenCandidates(head["policy"], head["seed"], head["source"], choices, head["counts"])
    except (OSError, ValueError, KeyError, TypeError, StopIteration) as error:
        raise InputError(
            f"{path}, line {number}: no frozen candidates ({error or type(error).__name__}); "
            "remove the file to choose anew"
        ) from error


def _write(path: Path, head: dict[str, Any], choices: Mapping[str, Choice]) -> None:
    """In one step, without ever holding all lines."""
    make_folder(path.parent)
    temporary = temporary_beside(path)
    try:
        with temporary.open("w", encoding="utf-8", newline="\n") as file:
            file.write(json.dumps(head) + "\n")
            for id_, (candidates, gold) in choices.items():
                row = {"id": id_, "candidates": candidates, "gold": gold}
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _counts(choices: dict[str, Choice]) -> dict[str, int]:
    golds = [candidates.count(candidates[gold]) for candidates, gold in choices.values()]
    padded = [candidates.count(None) for candidates, _ in choices.values()]
    return {
        "rows": len(choices),
        "duplicate_gold": sum(count > 1 for count in golds),
        "padded_rows": sum(count > 0 for count in padded),
        "padded_slots": sum(padded),
    }


def file_digest(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
