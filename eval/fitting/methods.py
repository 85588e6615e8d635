"""What a fusion is chosen from: ways to normalise, with fitted weights or a gate, and one fit of any."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eval.fitting.designs import RRF_K, Designs
from eval.fitting.gate import FittedGate, fit_gate
from eval.fitting.logit import fit_weights
from eval.fitting.pools import Floats
from retriever.errors import ModelError
from retriever.fusion.default import NORMALISATION, default_weights
from retriever.fusion.fitted import FittedFusion, Gate

__all__ = ["CHOICES", "DEFAULT", "Choice", "Fit", "choices_for", "fit_choice", "free_of_context", "to_fusion"]


@dataclass(frozen=True)
class Choice:
    """One way to fuse.

    Attributes:
        name: for people.
        normalisation: one of `eval.fitting.designs.DESIGNS`.
        level: how much is fitted: 0 nothing, 1 a weight a scorer, 2 a gate.
        softness: of ``softmax``, in units of a scorer's spread.
        only: the one scorer that counts; None for all.
    """

    name: str
    normalisation: str
    level: int
    softness: float = 1.0
    only: str | None = None


DEFAULT = Choice("min-max, not fitted", NORMALISATION, 0)
"""What the chain does without a fitted fusion."""

CHOICES = (
    DEFAULT,
    Choice("raw scores", "none", 1),
    Choice("z-score", "zscore", 1),
    Choice("softmax", "softmax", 1, 1.0),
    Choice("softmax, sharp", "softmax", 1, 0.5),
    Choice("min-max", "minmax", 1),
    Choice("rank", "rank", 1),
    Choice("rrf", "rrf", 1),
    Choice("raw scores, gated", "none", 2),
)
"""In order of preference among equals. Raw scores come first of the fitted ones: they do not depend on how
many candidates there are, and they keep how far apart scores are, which deciding needs; ranks do neither."""


def choices_for(scorers: Sequence[str]) -> tuple[Choice, ...]:
    """`CHOICES`, and after the first of them every scorer alone: no fusion at all is a choice too."""
    alone = (Choice(f"{name} alone", "none", 1, only=name) for name in scorers)
    return (CHOICES[0], *alone, *CHOICES[1:])


def free_of_context(choices: Sequence[Choice]) -> tuple[Choice, ...]:
    """Those under which a score does not depend on which other stickers are scored."""
    return tuple(choice for choice in choices if choice.normalisation == "none")


@dataclass(frozen=True)
class Fit:
    """A choice, fitted.

    Attributes:
        weights: ``(s,)``; those that shares multiply, with a gate.
        temperatures: ``(s,)``, of ``softmax``.
        fused: ``(q, n)``, fused scores of all conversations, those fitted on and the others.
    """

    choice: Choice
    weights: Floats
    temperatures: Floats
    gate: FittedGate | None
    fused: Floats


def fit_choice(choice: Choice, designs: Designs, train: NDArray[np.bool_]) -> Fit:
    """Fit on the conversations of `train` ``(q,)`` alone, and fuse all.

    Raises:
        MissingExtra, ModelError: see `eval.fitting.logit.fit_weights`.
    """
    pools = designs.pools
    design = designs.of(choice.normalisation, choice.softness)
    values = design.values
    if choice.level == 0:
        weights = np.array(list(default_weights(pools.scorers).values()))
        return Fit(choice, weights, design.temperatures, None, values @ weights)
    part = pools.take(train)
    if choice.only is not None:
        column = pools.scorers.index(choice.only)
        weights = np.zeros(len(pools.scorers))
        alone = values[train][:, :, [column]]
        # the scale orders nothing, but what decides whether to send reads it; never 0, or nothing is left
        weights[column] = max(float(fit_weights(alone, part.mask, part.gold, part.weight)[0]), 1e-6)
        return Fit(choice, weights, design.temperatures, None, values @ weights)
    if choice.level == 1:
        weights = fit_weights(values[train], part.mask, part.gold, part.weight)
        return Fit(choice, weights, design.temperatures, None, values @ weights)
    gate = fit_gate(values[train], part.mask, part.gold, part.weight, part.traits)
    fused = (values @ gate.weights_of(pools.traits)[:, :, None])[:, :, 0]
    return Fit(choice, gate.weights, design.temperatures, gate, fused)


def to_fusion(fit: Fit, scorers: dict[str, str]) -> FittedFusion:
    """What the chain loads.

    Args:
        scorers: identities by name, in the order of the columns.

    Raises:
        ModelError: no scorer has any weight.
    """
    if not fit.weights.any():
        raise ModelError(
            "no scorer ranks the right stickers above the others here, so there is nothing to fuse; "
            "check that dataset and library belong together"
        )
    names = list(scorers)
    rrf = fit.choice.normalisation == "rrf"
    soft = fit.choice.normalisation == "softmax"
    gate = None
    if fit.gate is not None:
        gate = Gate(
            tuple(fit.gate.mean.tolist()),
            tuple(fit.gate.spread.tolist()),
            dict(zip(names, fit.gate.bias.tolist(), strict=True)),
            {name: tuple(row) for name, row in zip(names, fit.gate.slopes.tolist(), strict=True)},
        )
    return FittedFusion(
        method="rrf" if rrf else "weighted",
        weights=dict(zip(names, fit.weights.tolist(), strict=True)),
        scorers=dict(scorers),
        normalisation=None if rrf else fit.choice.normalisation,
        temperatures=dict(zip(names, fit.temperatures.tolist(), strict=True)) if soft else {},
        k=RRF_K,
        gate=gate,
    )
