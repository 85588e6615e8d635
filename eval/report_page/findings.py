"""Everything that a report says beyond means: intervals, tests, and who is best."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from eval.dialogue_groups import clusters_of
from eval.metrics.ranked import Floats
from eval.paired import PairedTest, against, all_pairs, paired_families
from eval.report_page.columns import Columns, ProtocolColumns, gather, iterate
from eval.report_page.titles import REFERENCES, main_measure
from eval.results import ProtocolResult, Report
from eval.significance import Interval, intervals
from retriever.errors import InputError

__all__ = ["Findings", "ProtocolFindings", "analyse", "read_findings"]


@dataclass(frozen=True, slots=True)
class ProtocolFindings:
    """One protocol.

    Attributes:
        result: means, chance, what was left out.
        columns: its queries.
        intervals: system -> measure -> mean with its 95 % interval; without `chance`.
        tests: measure -> every system against every baseline; each measure is one family for Holm.
        pairs: all pairs of contenders on the main measure, one family.
        main: the measure that decides, or None without any query.
        contenders: systems that are no reference, best first by the main measure.
    """

    result: ProtocolResult
    columns: ProtocolColumns
    intervals: Mapping[str, Mapping[str, Interval]]
    tests: Mapping[str, Sequence[PairedTest]]
    pairs: Sequence[PairedTest]
    main: str | None
    contenders: tuple[str, ...]

    @property
    def best(self) -> str | None:
        """The contender with the highest main measure."""
        return self.contenders[0] if self.contenders else None

    def lead(self, other: str) -> PairedTest | None:
        """The best contender held against another one, seen from the best."""
        for test in self.pairs:
            if {test.system, test.other} == {self.best, other}:
                return test if test.system == self.best else _turned(test)
        return None


@dataclass(frozen=True, slots=True)
class Findings:
    """One evaluation, analysed.

    Attributes:
        baselines: systems that the others are tested against.
        protocols: in the order of the report; also those that judged nothing.
    """

    report: Report
    columns: Columns
    baselines: tuple[str, ...]
    protocols: tuple[ProtocolFindings, ...]

    @property
    def systems(self) -> list[str]:
        """All that any protocol judged: contenders by the first protocol that has them, then references."""
        contenders = [name for found in self.protocols for name in found.contenders]
        others = [s.name for found in self.protocols for s in found.result.systems]
        return list(dict.fromkeys([*contenders, *others]))


def read_findings(folder: Path, report: Report, baselines: Sequence[str] | None = None) -> Findings:
    """Analyse a run folder; nothing is scored.

    Args:
        folder: an evaluation's, with its records.
        report: its result.
        baselines: None takes the report's.

    Raises:
        InputError: the folder has no records, or a baseline is no system.
    """
    names = [result.protocol for result in report.protocols]
    return analyse(report, gather(iterate(folder, report.n_rows), names), baselines)


def analyse(report: Report, columns: Columns, baselines: Sequence[str] | None = None) -> Findings:
    """Intervals and tests for a report.

    Raises:
        InputError: a baseline is no system of the report.
    """
    if baselines is None:
        baselines = () if report.baseline is None else (report.baseline,)
    known = {system.name for result in report.protocols for system in result.systems}
    if unknown := [name for name in baselines if name not in known]:
        raise InputError(
            f"there is no system {unknown[0]!r} to compare with; there are {', '.join(sorted(known))}"
        )
    protocols = tuple(_analyse(report, result, columns, baselines) for result in report.protocols)
    return Findings(report, columns, tuple(baselines), protocols)


def _analyse(
    report: Report, result: ProtocolResult, columns: Columns, baselines: Sequence[str]
) -> ProtocolFindings:
    part = columns.protocols[result.protocol]
    if report.unit == "dialogue" and columns.groups is not None:
        part = replace(part, clusters=clusters_of(columns.groups, part.rows))
    main = main_measure(result)
    if main is None or not len(part.rows):
        return ProtocolFindings(result, part, {}, {}, (), None, ())
    means = {system.name: system.mean.get(main, float("nan")) for system in result.systems}
    contenders = sorted((name for name in means if name not in REFERENCES), key=lambda name: -means[name])
    # a system that some records say nothing of cannot be paired with the others
    whole = {
        name: values
        for name, values in part.values.items()
        if not np.isnan(np.stack([*values.values()])).any()
    }
    measures = list(result.chance.mean)
    others = against([name for name in means if name in whole], [name for name in baselines if name in whole])
    by_measure = {m: {name: values[m] for name, values in whole.items() if m in values} for m in measures}
    drawn: dict[str, Any] = {"clusters": part.clusters, "resamples": report.resamples, "seed": report.seed}
    return ProtocolFindings(
        result,
        part,
        _intervals(part, report),
        paired_families(by_measure, others, **drawn),
        paired_families(
            {main: by_measure[main]}, all_pairs([name for name in contenders if name in whole]), **drawn
        )[main],
        main,
        tuple(contenders),
    )


def _intervals(part: ProtocolColumns, report: Report) -> dict[str, dict[str, Interval]]:
    """All complete columns in one bootstrap; the others each over the queries that they have."""
    keys = [(system, measure) for system, values in part.values.items() for measure in values]
    gaps = {key: np.isnan(part.values[key[0]][key[1]]) for key in keys}
    found: dict[tuple[str, str], Interval] = {}
    whole = [key for key in keys if not gaps[key].any()]
    if whole:
        found |= zip(whole, _bootstrap(part, whole, np.ones(len(part.rows), dtype=bool), report), strict=True)
    for key in keys:
        if gaps[key].any() and not gaps[key].all():
            found[key] = _bootstrap(part, [key], ~gaps[key], report)[0]
    nested: dict[str, dict[str, Interval]] = {}
    for system, measure in keys:
        if (system, measure) in found:
            nested.setdefault(system, {})[measure] = found[system, measure]
    return nested


def _bootstrap(
    part: ProtocolColumns, keys: Sequence[tuple[str, str]], has: "np.ndarray[tuple[int], np.dtype[np.bool_]]",
    report: Report,
) -> list[Interval]:  # fmt: skip
    table: Floats = np.stack([part.values[system][measure][has] for system, measure in keys], axis=1)
    labels = [label for label, there in zip(part.labels, has, strict=True) if there]
    options: dict[str, Any] = {"resamples": report.resamples, "seed": report.seed}
    return intervals(table, labels, clusters=part.clusters_of(has), **options)


def _turned(test: PairedTest) -> PairedTest:
    """The same test from the other side."""
    return PairedTest(
        test.other, test.system, test.n, -test.mean, -test.high, -test.low, test.p, test.p_holm,
        wins=test.losses, ties=test.ties, losses=test.wins,
    )  # fmt: skip
