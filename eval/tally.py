"""From records to results: means, macro averages, chance, and paired differences."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.dialogue_groups import clusters_of
from eval.measures import Measure
from eval.metrics.averages import macro_mean
from eval.metrics.ranked import Floats
from eval.protocols import EvalProtocol
from eval.records import Record
from eval.results import ProtocolResult, SystemResult
from eval.significance import RESAMPLES, Difference, compare

__all__ = ["CHANCE", "Tally"]

CHANCE = "chance"
"""The name of the chance row."""

_WHY_NOT = "it can only be asked about short lists of candidates"


class Tally:
    """Takes records in one after the other and keeps what a protocol's result needs.

    Args:
        protocol: whose result.
    """

    def __init__(self, protocol: EvalProtocol) -> None:
        self._protocol = protocol
        self._values: dict[str, list[list[float]]] = {}
        self._pools: list[tuple[int, int]] = []
        self._labels: list[str | None] = []
        self._skipped: Counter[str] = Counter()
        self._rows: list[int] = []
        self._seen = 0

    @property
    def name(self) -> str:
        """The protocol's."""
        return self._protocol.name

    @property
    def systems(self) -> list[str]:
        """Those it has seen values of."""
        return list(self._values)

    def add(self, record: Record) -> None:
        """Count one query in."""
        entry = record["protocols"][self._protocol.name]
        self._seen += 1
        if "skipped" in entry:
            self._skipped[entry["skipped"]] += 1
            return
        self._rows.append(self._seen - 1)
        self._pools.append((entry["n"], entry["relevant"]))
        self._labels.append(entry["label"])
        for system, values in entry["values"].items():
            row = [values[measure.name] for measure in self._protocol.measures]
            self._values.setdefault(system, []).append(row)

    def result(
        self,
        names: Sequence[str],
        baseline: str | None,
        resamples: int = RESAMPLES,
        seed: int = 0,
        groups: NDArray[np.int64] | None = None,
    ) -> ProtocolResult:
        """The protocol's result; without any judged query its systems are empty.

        Args:
            names: of all systems that were measured, by whichever protocol.
            baseline: the system to compare the others with; passed over where it is not among them.
            groups: of every record that was added, the number of its dialogue, where these are resampled.
        """
        measures = self._protocol.measures
        chance = self._chance()
        values = {name: np.array(rows) for name, rows in self._values.items()}
        clusters = None if groups is None else clusters_of(groups, np.array(self._rows, dtype=np.int64))
        drawn: dict[str, Any] = {"clusters": clusters, "resamples": resamples, "seed": seed}
        over_chance = self._compare({name: array - chance for name, array in values.items()}, drawn)
        against = values.get(baseline) if baseline is not None else None
        others = {} if against is None else {k: v - against for k, v in values.items() if k != baseline}
        over_baseline = self._compare(others, drawn)
        sizes = [n for n, _ in self._pools]
        return ProtocolResult(
            protocol=self._protocol.name,
            n_queries=len(self._pools),
            skipped=dict(self._skipped.most_common()),
            n_ranked=(min(sizes, default=0), max(sizes, default=0)),
            n_relevant=float(np.mean([r for _, r in self._pools])) if self._pools else 0.0,
            n_labels=len({label for label in self._labels if label is not None}),
            chance=self._system(CHANCE, chance, measures),
            systems=tuple(
                self._system(name, array, measures, over_chance.get(name), over_baseline.get(name))
                for name, array in values.items()
            ),
            label=self._protocol.field,
            relevance=self._protocol.relevance,
            n_dialogues=None if clusters is None else len(np.unique(clusters)),
            not_judged={name: _WHY_NOT for name in names if name not in values} if values else {},
        )

    def _chance(self) -> Floats:
        """Chance levels by query, ``(n_queries, n_measures)``."""
        levels = {
            pool: [measure.chance(*pool) for measure in self._protocol.measures] for pool in set(self._pools)
        }
        return np.array([levels[pool] for pool in self._pools]).reshape(
            len(self._pools), len(self._protocol.measures)
        )

    def _compare(self, differences: dict[str, Floats], drawn: dict[str, Any]) -> dict[str, list[Difference]]:
        """All systems against one other in one bootstrap."""
        if not differences:
            return {}
        width = len(self._protocol.measures)
        found = compare(np.hstack(list(differences.values())), self._labels, **drawn)
        return {name: found[at * width : (at + 1) * width] for at, name in enumerate(differences)}

    def _system(
        self,
        name: str,
        values: Floats,
        measures: Sequence[Measure],
        over_chance: list[Difference] | None = None,
        over_baseline: list[Difference] | None = None,
    ) -> SystemResult:
        names = [measure.name for measure in measures]
        labelled = [row for row, label in enumerate(self._labels) if label is not None]
        labels = [self._labels[row] for row in labelled]
        return SystemResult(
            name,
            mean={key: float(values[:, at].mean()) for at, key in enumerate(names)} if len(values) else {},
            macro={key: macro_mean(values[labelled, at], labels) for at, key in enumerate(names)}
            if labels
            else {},
            over_chance=dict(zip(names, over_chance or (), strict=False)),
            over_baseline=dict(zip(names, over_baseline or (), strict=False)),
            n=len(values),
        )
