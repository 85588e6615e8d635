"""What an evaluation found, as plain values: fit for JSON, for tables, and for comparing two runs."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from eval.significance import Difference

__all__ = ["Cost", "ProtocolResult", "Report", "SystemResult"]


@dataclass(frozen=True, slots=True)
class Cost:
    """What one system took. Times are wall-clock on the machine that ran it, and decide nothing.

    Attributes:
        n: conversations timed.
        ms_median, ms_mean: milliseconds a conversation, scoring only, of all that its protocols rank for it
            (ten candidates, or the whole library); conversations that are asked about at once share their
            time evenly. None where nothing was timed.
        at_once: how many conversations were asked about at once, at most; where it is not 1 the times are
            those of many questions, and a single pick takes longer.
        sticker_seconds: the sticker side, once; near 0 where it was there already.
        load_seconds: opening the system.
        calls, prompt_tokens, completion_tokens: of a language model, spent into this folder.
        cached: answers that were known already.
        unanswered: conversations that the system had no opinion on, by reason; all scores are equal there,
            which is chance.
        calls_per_1000, prompt_tokens_per_1000, completion_tokens_per_1000: what a thousand picks need when
            nothing is known already; None for a system without calls.
        price_per_1000: what they cost at the prices given, or None.
    """

    n: int = 0
    ms_median: float | None = None
    ms_mean: float | None = None
    at_once: int = 1
    sticker_seconds: float = 0.0
    load_seconds: float = 0.0
    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached: int = 0
    unanswered: Mapping[str, int] = field(default_factory=dict)
    calls_per_1000: float | None = None
    prompt_tokens_per_1000: float | None = None
    completion_tokens_per_1000: float | None = None
    price_per_1000: float | None = None


@dataclass(frozen=True, slots=True)
class SystemResult:
    """One system under one protocol; values in [0, 1], by measure name.

    Attributes:
        n: queries judged.
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
    n: int = 0


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
        label: the field that decides relevance, or None where the gold alone is right.
        relevance: in words, what is right: "the gold alone", "the same emotion, and the gold", ...
        not_judged: systems that took no part, and why.
        n_dialogues: how many dialogues the queries were cut from, where these are resampled; else None.
    """

    protocol: str
    n_queries: int
    skipped: Mapping[str, int]
    n_ranked: tuple[int, int]
    n_relevant: float
    n_labels: int
    chance: SystemResult
    systems: tuple[SystemResult, ...]
    label: str | None = None
    relevance: str = ""
    not_judged: Mapping[str, str] = field(default_factory=dict)
    n_dialogues: int | None = None

    @property
    def drawn(self) -> str:
        """What intervals and tests draw, in words: ``1,109 queries``, ``213 dialogues``."""
        return (
            f"{self.n_queries:,} queries" if self.n_dialogues is None else f"{self.n_dialogues:,} dialogues"
        )

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
        unit: what the bootstrap draws and the paired tests turn: ``dialogue`` or ``query``.
        protocols: results, in the order of the protocols.
        costs: by system. Neither they nor `provenance` count when reports are compared.
        provenance: what decided the results: ``config`` (hashes of the data, of the frozen candidates and
            of the library, every system's identity) and ``environment`` (commit, Python, package versions).
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
    unit: str = "query"
    costs: Mapping[str, Cost] = field(default_factory=dict, compare=False)
    provenance: Mapping[str, Any] = field(default_factory=dict, compare=False)

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
