"""The whole of ``sticker fuse``: what a fusion of these scorers is worth, and the file that holds it."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from eval.fitting.decide import Calibrated, Target, cross_calibrate
from eval.fitting.designs import Designs
from eval.fitting.gains import Estimate, estimate, gain
from eval.fitting.methods import DEFAULT, Choice, Fit, choices_for, fit_choice, free_of_context, to_fusion
from eval.fitting.nested import HeldOut, cross_fit, judge, select
from eval.fitting.picks import Picks, picks_of
from eval.fitting.pools import Floats, Pools, make_pools
from eval.fitting.scored import DatasetScores, Query
from eval.significance import RESAMPLES
from retriever.errors import InputError, ModelError
from retriever.fusion.fitted import FittedFusion
from retriever.progress import bar

__all__ = ["FUSED", "FuseReport", "SystemRow", "fuse_scores"]

FUSED = "fused, held out"
"""The fitted fusion in results: each conversation fused by a fit that has not seen it."""

_MEASURES = ("R@1", "AP")


@dataclass(frozen=True, slots=True)
class SystemRow:
    """One system: by measure (``R@1``, ``AP``), then by dataset ("" for the mean over several)."""

    name: str
    values: dict[str, dict[str, Estimate]]


@dataclass(frozen=True)
class FuseReport:
    """What came out.

    Attributes:
        fusion: fitted on all conversations.
        choice: the way to fuse that was chosen on all of them, and its name in each outer fold.
        systems: every scorer alone, the fusion of a chain without a fitted one, and the fitted one.
        best: the best single scorer by mean average precision on all conversations, which flatters it.
        over_best, over_default: gains of the fitted fusion, by measure and dataset.
        without: scorer -> gain of having it: the fitted fusion minus one fitted without it.
        decision: None where there is nothing to judge picks by, or it was not asked for.
        datasets: by name: rows, conversations fitted on, dialogues, what was skipped and why.
    """

    fusion: FittedFusion
    choice: str
    chosen: dict[str, int]
    systems: tuple[SystemRow, ...]
    best: str
    over_best: dict[str, dict[str, Estimate]]
    over_default: dict[str, dict[str, Estimate]]
    without: dict[str, dict[str, dict[str, Estimate]]]
    decision: Calibrated | None
    no_decision: str | None
    datasets: dict[str, dict[str, Any]]
    folds: int
    seed: int

    def as_dict(self) -> dict[str, Any]:
        """All but the per-query arrays, as JSON values."""
        return {
            "choice": self.choice,
            "chosen": self.chosen,
            "best": self.best,
            "systems": {row.name: _plain(row.values) for row in self.systems},
            "over_best": _plain(self.over_best),
            "over_default": _plain(self.over_default),
            "without": {name: _plain(each) for name, each in self.without.items()},
            "decision": None if self.decision is None else decision_figures(self.decision),
            "no_decision": self.no_decision,
            "datasets": self.datasets,
            "folds": self.folds,
            "seed": self.seed,
        }


def fuse_scores(
    scored: Sequence[DatasetScores],
    identities: Mapping[str, str],
    *,
    folds: int = 5,
    seed: int = 0,
    resamples: int = RESAMPLES,
    decide: bool = True,
    target: Target | None = None,
    leave_one_out: bool = True,
    show_progress: bool | None = None,
) -> FuseReport:
    """Choose and fit a fusion on everything, and measure that procedure by nested cross-validation.

    Args:
        scored: one or more datasets, scored by the same scorers (`eval.fitting.scored.score_dataset`).
        identities: of the scorers, by name.
        folds: outer ones.
        decide: also calibrate when to send.
        target: what the threshold is for.
        leave_one_out: also measure what each scorer adds.

    Raises:
        InputError: nothing to fit on, too few dialogues, or fewer than two scorers.
        MissingExtra: without the extra ``fuse``.
        ModelError: no scorer is worth anything here.
    """
    pools, queries = make_pools(scored)
    names = pools.scorers
    if len(names) < 2:
        raise InputError(f"there is only the scorer {names[0]}; a fusion takes two or more")
    whole = all(len(query.recalled) for query in queries)
    designs = Designs(pools, [query.recalled[query.others] for query in queries] if whole else None)

    def choices(of: Sequence[str]) -> tuple[Choice, ...]:
        return choices_for(of) if whole else free_of_context(choices_for(of))

    tries = (folds + 1) * len(choices(names))
    tries += folds * len(names) * len(choices(names[1:])) if leave_one_out else 0
    with bar("Fitting", tries, show_progress, "fits") as advance:
        step = _stepper(advance)
        held = cross_fit(designs, folds=folds, seed=seed, choices=choices(names), step=step)
        everything = np.ones(len(pools), dtype=bool)
        choice = select(designs, everything, folds, seed, choices(names), step)
        final = fit_choice(choice, designs, everything)
        others: dict[str, Floats] = {}
        for name in names if leave_one_out else ():
            rest = [other for other in names if other != name]
            fit = cross_fit(designs.only(rest), folds=folds, seed=seed, choices=choices(rest), step=step)
            others[name] = fit.fused
    fusion = to_fusion(final, {name: identities[name] for name in names})

    fused = {name: pools.scores[:, :, column] for column, name in enumerate(names)}
    fused[DEFAULT.name] = fit_choice(DEFAULT, designs, everything).fused
    fused[FUSED] = held.fused
    values = {name: judge(pools, each) for name, each in fused.items()}
    best = max(names, key=lambda name: float(pools.weight @ values[name]["AP"]))
    options = {"resamples": resamples, "seed": seed}

    def gains(other: dict[str, Floats]) -> dict[str, dict[str, Estimate]]:
        return {m: gain(values[FUSED][m], other[m], pools, **options) for m in _MEASURES}

    decision, reason = None, None if decide else "not asked for"
    if decide:
        decision, reason = _decision(queries, pools, held, final, fusion, target or Target())
    if decision is not None:
        fusion = replace(fusion, decision=decision.decider)
    return FuseReport(
        fusion=fusion,
        choice=choice.name,
        chosen=dict(Counter(fit.choice.name for fit in held.fits)),
        systems=tuple(
            SystemRow(name, {m: estimate(each[m], pools, **options) for m in _MEASURES})
            for name, each in values.items()
        ),
        best=best,
        over_best=gains(values[best]),
        over_default=gains(values[DEFAULT.name]),
        without={name: gains(judge(pools, each)) for name, each in others.items()},
        decision=decision,
        no_decision=reason,
        datasets={
            each.name: {
                "split": each.split,
                "sha256": each.sha256,
                "rows": each.n_rows,
                "bad_rows": each.n_bad,
                "fitted_on": int((pools.dataset == number).sum()),
                "dialogues": len(np.unique(pools.group[pools.dataset == number])),
                "skipped": each.skipped,
                "label": each.label,
            }
            for number, each in enumerate(scored)
        },
        folds=folds,
        seed=seed,
    )


def decision_figures(decision: Calibrated) -> dict[str, Any]:
    """What a decision is worth on held-out conversations, as JSON values."""
    return {
        "n": len(decision.p),
        "method": decision.method,
        "right": float(decision.weight @ decision.right),
        "calibration_error": decision.error,
        "brier": decision.brier,
        "brier_of_the_mean": decision.base,
        "rule": decision.decider.rule,
        "threshold": decision.decider.threshold,
        "send_rate": decision.send_rate,
        "precision": decision.precision,
    }


def _decision(
    queries: Sequence[Query], pools: Pools, held: HeldOut, final: Fit, fusion: FittedFusion, target: Target
) -> tuple[Calibrated | None, str | None]:
    """The decision, or why there is none."""
    rows = [row for row, query in enumerate(queries) if query.right.size]
    if not rows:
        return None, "no row has a label to judge a pick by"
    names = {name: name for name in pools.scorers}
    known: dict[int | None, Picks] = {}

    def of(fold: int | None) -> Picks:
        if fold not in known:
            made = fusion if fold is None else to_fusion(held.fits[fold], names)
            known[fold] = picks_of([queries[row] for row in rows], pools.scorers, made)
        return known[fold]

    try:
        return (
            cross_calibrate(
                lambda fold: of(fold).features,
                lambda fold: of(fold).right,
                held.fold[rows],
                pools.take(np.array(rows)).weight,
                target,
            ),
            None,
        )
    except (InputError, ModelError) as error:
        return None, str(error)


def _stepper(advance: Callable[[int], None]) -> Callable[[], None]:
    return lambda: advance(1)


def _plain(values: Mapping[str, Mapping[str, Estimate]]) -> dict[str, Any]:
    return {m: {name or "mean": asdict(each) for name, each in by.items()} for m, by in values.items()}
