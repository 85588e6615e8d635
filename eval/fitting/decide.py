"""When to send at all: how sure the fused scores are, as the probability that the best pick is right.

What is right is the label (emotion, emoji or intention), over everything that a pick chooses among. The
probability comes of a logistic function of the evidence (Platt), followed by isotonic steps where these are
more honest on held-out conversations. Every figure here is of conversations that neither the fusion nor the
calibration has seen.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from eval.fitting.pools import Floats, Ints
from retriever.errors import InputError
from retriever.extras import require
from retriever.fusion.decision import Decider

__all__ = [
    "Calibrated",
    "Target",
    "calibrate",
    "calibration_error",
    "cross_calibrate",
    "risk_coverage",
    "threshold_for",
]

_STRENGTH = 1.0
_BINS = 10
_NEVER = 1.01
_TILT = 0.01


@dataclass(frozen=True, slots=True)
class Target:
    """What a threshold is chosen for; the first that is given counts, none means p of one half.

    Attributes:
        send_rate: the share of conversations that get a sticker.
        precision: the share of stickers sent that are right.
    """

    send_rate: float | None = None
    precision: float | None = None

    def __post_init__(self) -> None:
        for name, value in (("send rate", self.send_rate), ("precision", self.precision)):
            if value is not None and not 0 < value <= 1:
                raise InputError(f"the {name} is {value}; expected a number above 0, at most 1")

    def __str__(self) -> str:
        if self.precision is not None:
            return f"precision {self.precision:g}"
        return "p of 0.5 or more" if self.send_rate is None else f"send rate {self.send_rate:g}"


@dataclass(frozen=True)
class Calibrated:
    """A decision and what it is worth on held-out conversations.

    Attributes:
        decider: calibrated on all conversations.
        p: ``(q,)``, probabilities of held-out conversations.
        right: ``(q,)``, whether the best pick was right, in [0, 1] (a share where the best are tied).
        sent: ``(q,)``, whether a threshold chosen without the conversation would have sent.
        weight: ``(q,)``, adding to 1.
        error: expected calibration error, in [0, 1].
        brier: mean squared error of `p`.
        base: of a forecast that always gives the share of right picks.
        method: ``platt`` or ``isotonic``.
    """

    decider: Decider
    p: Floats
    right: Floats
    sent: NDArray[np.bool_]
    weight: Floats
    error: float
    brier: float
    base: float
    method: str

    @property
    def send_rate(self) -> float:
        """The share of held-out conversations that would get a sticker."""
        return float(self.weight @ self.sent)

    @property
    def precision(self) -> float | None:
        """The share of these stickers that would be right; None where none is sent."""
        sent = self.weight * self.sent
        return float(sent @ self.right / sent.sum()) if sent.any() else None


def calibrate(features: Floats, right: Floats, weight: Floats, method: str) -> Decider:
    """Fit probabilities of being right; sends at one half.

    Args:
        features: ``(q, f)``.
        right: ``(q,)``, in [0, 1].
        weight: ``(q,)``.
        method: ``platt`` or ``isotonic``.

    Raises:
        MissingExtra: without scikit-learn.
        InputError: the picks are all right or all wrong.
    """
    linear = require("sklearn.linear_model", "fuse", "calibrating a decision")
    if not 0 < weight @ right < weight.sum():
        raise InputError("the picks are all right or all wrong, so there is nothing to tell them apart by")
    mean = np.average(features, axis=0, weights=weight)
    spread = np.sqrt(np.average((features - mean) ** 2, axis=0, weights=weight))
    spread = np.where(spread > 1e-6, spread, 1.0)
    scale = weight * len(weight) / weight.sum()
    # a pick that is right in part counts as a right one and a wrong one of that weight
    model = linear.LogisticRegression(C=_STRENGTH, max_iter=1000).fit(
        np.tile((features - mean) / spread, (2, 1)),
        np.repeat([1, 0], len(right)),
        np.concatenate([scale * right, scale * (1 - right)]),
    )
    decider = Decider(tuple(mean.tolist()), tuple(spread.tolist()), tuple(model.coef_[0].tolist()),
                      float(model.intercept_[0]), 0.5)  # fmt: skip
    if method == "platt":
        return decider
    isotonic = require("sklearn.isotonic", "fuse", "calibrating a decision")
    steps = isotonic.IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip")
    steps.fit(decider.probability(features), right, sample_weight=scale)
    knots = np.clip(steps.X_thresholds_, 0, 1)
    # a step is no plateau quite: a threshold must be able to stand anywhere
    tilted = (1 - _TILT) * np.clip(steps.y_thresholds_, 0, 1) + _TILT * knots
    return replace(decider, knots=tuple(knots.tolist()), steps=tuple(tilted.tolist()))


def cross_calibrate(
    features_of: Callable[[int | None], Floats],
    right_of: Callable[[int | None], Floats],
    fold: Ints,
    weight: Floats,
    target: Target,
) -> Calibrated:
    """Calibrate on all conversations, and measure on folds held out of fusion and calibration.

    Args:
        features_of: fold -> ``(q, f)``, features of all conversations under the fusion that has not seen the
            fold; None: under the final one.
        right_of: likewise, ``(q,)``.
        fold: ``(q,)``.
        weight: ``(q,)``, adding to 1.

    Raises:
        InputError, MissingExtra: see `calibrate`.
    """
    held: dict[str, Floats] = {}
    right = np.zeros(len(fold))
    sent: dict[str, NDArray[np.bool_]] = {}
    for method in ("platt", "isotonic"):
        held[method] = np.zeros(len(fold))
        sent[method] = np.zeros(len(fold), dtype=bool)
        for number in np.unique(fold):
            out = fold == number
            features, seen = features_of(int(number)), right_of(int(number))
            decider = calibrate(features[~out], seen[~out], weight[~out], method)
            held[method][out] = decider.probability(features[out])
            right[out] = seen[out]
            known = decider.probability(features[~out])
            bar = threshold_for(known, seen[~out], weight[~out], target)
            sent[method][out] = held[method][out] >= bar
    # isotonic steps are made of many numbers: they have to earn it
    loss = {method: float(weight @ (p - right) ** 2) for method, p in held.items()}
    method = "isotonic" if loss["isotonic"] < loss["platt"] else "platt"
    decider = calibrate(features_of(None), right_of(None), weight, method)
    threshold = threshold_for(held[method], right, weight, target)
    share = float(weight @ right)
    return Calibrated(
        replace(decider, threshold=threshold, rule=str(target)),
        held[method],
        right,
        sent[method],
        weight,
        calibration_error(held[method], right, weight),
        loss[method],
        float(weight @ (share - right) ** 2),
        method,
    )


def threshold_for(p: Floats, right: Floats, weight: Floats, target: Target) -> float:
    """The probability from which on to send.

    For a send rate: as many as it allows, never more. For a precision: the lowest threshold above which at
    least this share is right; above 1, so that nothing is sent, where no threshold reaches it.
    """
    if target.precision is None and target.send_rate is None:
        return 0.5
    order = np.argsort(-p, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(p[order])), len(p) - 1)  # equal probabilities go together
    mass = np.cumsum(weight[order])[ends]
    if target.precision is not None:
        good = np.cumsum((weight * right)[order])[ends] / mass >= target.precision
    else:
        good = mass <= (target.send_rate or 0) * weight.sum() + 1e-12
    return float(p[order][ends[np.flatnonzero(good)[-1]]]) if good.any() else _NEVER


def calibration_error(p: Floats, right: Floats, weight: Floats, bins: int = _BINS) -> float:
    """Expected calibration error: the mean distance of probability and share right over equally filled bins.

    Naeini, Cooper and Hauskrecht, "Obtaining well calibrated probabilities using Bayesian binning", AAAI
    2015; with bins of equal weight in place of equal width, so that no bin is almost empty.
    """
    return float(sum(mass * abs(said - true) for mass, said, true in reliability(p, right, weight, bins)))


def reliability(
    p: Floats, right: Floats, weight: Floats, bins: int = _BINS
) -> list[tuple[float, float, float]]:
    """(share of the weight, mean probability, share right) of each bin, by rising probability."""
    order = np.argsort(p, kind="stable")
    place = np.minimum(
        (np.cumsum(weight[order]) - weight[order] / 2) / weight.sum() * bins, bins - 1e-9
    ).astype(int)
    found = []
    for number in np.unique(place):
        rows = order[place == number]
        mass = weight[rows].sum()
        found.append(
            (
                float(mass / weight.sum()),
                float(weight[rows] @ p[rows] / mass),
                float(weight[rows] @ right[rows] / mass),
            )
        )
    return found


def risk_coverage(p: Floats, right: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """Coverage (share sent) and risk (share of these wrong) at every threshold, from the surest on.

    El-Yaniv and Wiener, "On the foundations of noise-free selective classification", JMLR 2010.
    """
    order = np.argsort(-p, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(p[order])), len(p) - 1)
    mass = np.cumsum(weight[order])
    wrong = np.cumsum((weight * (1 - right))[order])
    return mass[ends] / weight.sum(), (wrong / mass)[ends]
