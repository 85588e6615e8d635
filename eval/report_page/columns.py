"""The records of a run, column by column: what intervals, tests and figures are worked out from."""

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.dialogue_groups import dialogue_groups
from eval.metrics.ranked import Floats
from eval.records import Record

__all__ = ["Columns", "ProtocolColumns", "gather", "iterate"]


@dataclass(frozen=True, slots=True)
class ProtocolColumns:
    """The queries that one protocol judged, in the order of the records.

    Attributes:
        rows: ``(q,)``, where each stands among all records.
        labels: ``q`` labels or None.
        values: system -> measure -> ``(q,)``; NaN where a record has no value for the system.
        ranks: system -> ``(q,)`` rank of the sticker that was sent; NaN where it has none.
        curves: system -> mean interpolated precision at recall 0, 0.1, ..., 1; absent without curves.
        clusters: ``(q,)``, numbers of the dialogues that are resampled whole; None: queries are.
    """

    rows: NDArray[np.int64]
    labels: tuple[str | None, ...]
    values: Mapping[str, Mapping[str, Floats]]
    ranks: Mapping[str, Floats] = field(default_factory=dict)
    curves: Mapping[str, Floats] = field(default_factory=dict)
    clusters: NDArray[np.int64] | None = None

    def clusters_of(self, rows: NDArray[Any]) -> NDArray[np.int64] | None:
        """Those of some of the queries, by place or by mask."""
        return None if self.clusters is None else np.asarray(self.clusters[rows])


@dataclass(frozen=True, slots=True)
class Columns:
    """All records.

    Attributes:
        n: how many.
        n_utterances, sentiment: ``(n,)``, NaN where unknown; sentiment from 0 (negative) to 1.
        verbal, unseen: ``(n,)``, 1 or 0, NaN where unknown.
        protocols: by name.
        groups: ``(n,)``, numbers of the dialogues that the queries were cut from.
    """

    n: int
    n_utterances: Floats
    sentiment: Floats
    verbal: Floats
    unseen: Floats
    protocols: Mapping[str, ProtocolColumns]
    groups: NDArray[np.int64] | None = None


def iterate(folder: Path, most: int) -> Iterator[Record]:
    """The first `most` records of a run folder, one after the other.

    Raises:
        InputError: the folder is no evaluation, or its files are damaged.
    """
    from eval.run_folder import read_records

    return read_records(folder, limit=most)


def gather(records: Iterable[Record], protocols: Sequence[str]) -> Columns:
    """Read records once; numbers only, so that 100,000 queries fit."""
    facts: dict[str, array[float]] = {
        name: array("d") for name in ("n_utterances", "sentiment", "verbal", "unseen")
    }
    parts = {name: _Part() for name in protocols}
    ids: list[str] = []
    dialogues: list[str | None] = []
    n = 0
    for record in records:
        known = record.get("facts") or {}
        ids.append(str(record.get("id")))
        dialogues.append(known.get("dialogue"))
        for name, column in facts.items():
            value = known.get(name)
            column.append(float("nan") if value is None else float(value))
        for name, part in parts.items():
            entry = record["protocols"].get(name)
            if entry is not None and "skipped" not in entry:
                part.add(n, entry)
        n += 1
    return Columns(
        n,
        **{name: np.array(column) for name, column in facts.items()},
        protocols={name: part.done() for name, part in parts.items()},
        groups=dialogue_groups(ids, dialogues),
    )


class _Part:
    """The columns of one protocol as they grow."""

    def __init__(self) -> None:
        self._rows = array("q")
        self._labels: list[str | None] = []
        self._known: dict[str, str] = {}
        self._columns: dict[tuple[str, str], array[float]] = {}
        self._ranks: dict[str, array[float]] = {}
        self._curves: dict[str, tuple[int, Floats]] = {}

    def add(self, row: int, entry: Mapping[str, Any]) -> None:
        done = len(self._rows)
        self._rows.append(row)
        label = entry.get("label")
        self._labels.append(None if label is None else self._known.setdefault(label, label))
        for system, values in entry["values"].items():
            for measure, value in values.items():
                _put(self._columns.setdefault((system, measure), array("d")), done, value)
        for system, rank in (entry.get("rank") or {}).items():
            _put(self._ranks.setdefault(system, array("d")), done, rank)
        for system, curve in (entry.get("curve") or {}).items():
            if curve is not None:
                n, total = self._curves.get(system, (0, np.zeros(len(curve))))
                self._curves[system] = (n + 1, total + np.asarray(curve, dtype=np.float64))

    def done(self) -> ProtocolColumns:
        q = len(self._rows)
        values: dict[str, dict[str, Floats]] = {}
        for (system, measure), column in self._columns.items():
            values.setdefault(system, {})[measure] = _whole(column, q)
        return ProtocolColumns(
            rows=np.array(self._rows, dtype=np.int64),
            labels=tuple(self._labels),
            values=values,
            ranks={system: _whole(column, q) for system, column in self._ranks.items()},
            curves={system: total / n for system, (n, total) in self._curves.items()},
        )


def _put(column: "array[float]", at: int, value: float | None) -> None:
    """Set place `at`; places passed over have no value."""
    column.extend([float("nan")] * (at - len(column)))
    column.append(float("nan") if value is None else value)


def _whole(column: "array[float]", length: int) -> Floats:
    values = np.full(length, np.nan)
    values[: len(column)] = column
    return values
