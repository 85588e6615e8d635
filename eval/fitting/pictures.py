"""Two pictures of a decision: how honest its probabilities are, and what sending less often buys."""

from pathlib import Path
from typing import Any

from eval.fitting.decide import Calibrated, reliability, risk_coverage
from retriever.extras import require

__all__ = ["draw_reliability", "draw_risk_coverage"]

_BLUE, _ORANGE, _GREY = "#0072B2", "#D55E00", "#777777"  # told apart by colour-blind eyes


def draw_reliability(decision: Calibrated, path: Path) -> None:
    """Share right against probability, in ten equally filled bins, and how often each probability occurs.

    Raises:
        MissingExtra: without matplotlib.
    """
    bins = reliability(decision.p, decision.right, decision.weight)
    figure, (top, below) = _figure(2, height_ratios=[4, 1])
    top.plot([0, 1], [0, 1], color=_GREY, linewidth=1, linestyle="--")
    top.annotate("perfectly calibrated", (0.98, 0.7), color=_GREY, ha="right", va="top", fontsize=9)
    top.plot([said for _, said, _ in bins], [true for *_, true in bins], color=_BLUE, marker="o")
    top.set(xlim=(0, 1), ylim=(0, 1), ylabel="share of picks that are right",
            title=f"Held-out conversations (n = {len(decision.p):,}): calibration error "
                  f"{100 * decision.error:.1f} points")  # fmt: skip
    below.hist(decision.p, bins=40, range=(0, 1), weights=decision.weight, color=_BLUE)
    below.set(xlim=(0, 1), xlabel="probability that the pick is right", ylabel="share")
    _mark(top, decision.decider.threshold, f"send from {decision.decider.threshold:.2f}")
    _mark(below, decision.decider.threshold, "")
    _save(figure, path)


def draw_risk_coverage(decision: Calibrated, path: Path) -> None:
    """Share of wrong picks among those sent, against the share of conversations that get one.

    Raises:
        MissingExtra: without matplotlib.
    """
    coverage, risk = risk_coverage(decision.p, decision.right, decision.weight)
    figure, (axes,) = _figure(1)
    always = 1 - float(decision.weight @ decision.right)
    axes.plot(100 * coverage, 100 * risk, color=_BLUE, linewidth=1.8)
    axes.axhline(100 * always, color=_GREY, linestyle="--", linewidth=1)
    axes.annotate(f"always sending: {100 * always:.0f} % wrong", (1, 100 * always), color=_GREY, fontsize=9,
                  xytext=(0, 4), textcoords="offset points")  # fmt: skip
    if decision.precision is not None:
        at = 100 * decision.send_rate, 100 * (1 - decision.precision)
        axes.plot(*at, marker="o", color=_ORANGE)
        right = at[0] > 60
        text = f"{decision.decider.rule}: send {at[0]:.0f} %, {at[1]:.0f} % wrong"
        _say(axes, text, at, (-8 if right else 8, -14), right)
    axes.set(xlim=(0, 100), ylim=(0, None), xlabel="conversations that get a sticker, %")
    axes.set(ylabel="of these stickers wrong, %", title=f"Held-out conversations (n = {len(decision.p):,})")
    _save(figure, path)


def _figure(rows: int, **grid: Any) -> tuple[Any, Any]:
    require("matplotlib", "fuse", "drawing")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.0 + 1.2 * (rows - 1)), dpi=150, layout="constrained")
    axes = figure.subplots(rows, 1, sharex=rows > 1, squeeze=False, gridspec_kw=grid or None)[:, 0]
    for each in axes:
        each.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _mark(axes: Any, threshold: float, text: str) -> None:
    if threshold <= 1:
        axes.axvline(threshold, color=_ORANGE, linewidth=1)
        if text:
            right = threshold > 0.7
            _say(axes, text, (threshold, 0.04), (-5 if right else 5, 0), right)


def _say(axes: Any, text: str, at: tuple[float, float], moved: tuple[float, float], right: bool) -> None:
    axes.annotate(
        text,
        at,
        xytext=moved,
        textcoords="offset points",
        ha="right" if right else "left",
        color=_ORANGE,
        fontsize=9,
    )


def _save(figure: Any, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)
