"""What an evaluation found, as plain values: fit for JSON, for tables, and for comparing two runs."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from eval.significance import Difference

__all__ = ["ProtocolResult", "Report", "SystemResult"]


@dataclass(frozen=True, slots=True)
class SystemResult:
    """One system under one protocol; values in [0, 1], by measure name.

    Attributes:
        mean: over queries.
        macro: mean over labels of the label's mean; empty when the queries have no labels.
        over_chance: the difference to chance, paired by query.
        over_baseline: the difference to the report's baseline; empty for the baseline itself, or without one.
    """

    name: str
    mean: Mapping[str, float]
    macro: Mapping[str, float] = field(default_factory=dict)
    over_chance: Mapping[str, Difference] = field(default_factory=dict)
    over_baseline: Mapping[str, Difference] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ProtocolResult:
    """All systems under one protocol.

    Attributes:
        protocol: its name.
        n_queries: how many were judged.
        skipped: why others were not, and how many; most frequent reason first.
        n_ranked: least and greatest number of stickers ranked.
        n_relevant: mean number of relevant stickers.
        n_labels: how many labels the macro averages are over.
        chance: what a scorer that knows nothing gets on the same queries, exactly.
        systems: in the order in which the systems came.
    """

    protocol: str
    n_queries: int
    skipped: Mapping[str, int]
    n_ranked: tuple[int, int]
    n_relevant: float
    n_labels: int
    chance: SystemResult
    systems: tuple[SystemResult, ...]

    def system(self, name: str) -> SystemResult:
        """The result of one system, ``chance`` included.

        Raises:
            KeyError: no such system.
        """
        for result in (self.chance, *self.systems):
            if result.name == name:
                return result
        raise KeyError(f"{name}; there are {', '.join(result.name for result in self.systems)}")


@dataclass(frozen=True, slots=True)
class Report:
    """One evaluation.

    Attributes:
        dataset, split: what was measured on.
        n_rows: samples read.
        n_bad_rows: rows that could not be read as samples.
        problems: what was wrong with the first of them.
        label: the field that decides relevance in the library protocol, or None.
        ties: how equal scores were judged.
        baseline: the system that the others are compared with, or None.
        resamples, seed: of the bootstrap.
    """

    dataset: str
    split: str
    n_rows: int
    n_bad_rows: int
    problems: tuple[str, ...]
    label: str | None
    ties: str
    baseline: str | None
    resamples: int
    seed: int
    protocols: tuple[ProtocolResult, ...]

    def protocol(self, name: str) -> ProtocolResult:
        """The result under one protocol.

        Raises:
            KeyError: no such protocol.
        """
        for result in self.protocols:
            if result.protocol == name:
                return result
        raise KeyError(f"{name}; there are {', '.join(result.protocol for result in self.protocols)}")

    def as_dict(self) -> dict[str, Any]:
        """Everything, as JSON values."""
        return asdict(self)
