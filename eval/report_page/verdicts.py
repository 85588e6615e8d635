"""Who wins, by how much, and whether that is beyond noise: what a reader sees first."""

from collections import Counter
from dataclasses import dataclass
from typing import Literal

from eval.paired import PairedTest
from eval.report_page.findings import Findings, ProtocolFindings
from eval.report_page.sheet import interval_text, p_text, percent, points
from eval.report_page.titles import measure_title, protocol_title

__all__ = ["Verdict", "headline", "verdict"]

LEVEL = 0.05


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one protocol decides.

    Attributes:
        protocol: its title.
        tone: ``win``: one system is clearly above all others; ``tie``: not so; ``alone``: there is one
            contender or none; ``nothing``: no query was judged.
        headline: the verdict in a few words.
        figure: the best system's main measure, in words, or "".
        details: sentences: by how much, over whom, how sure.
        warning: what a reader must not overlook, or "".
    """

    protocol: str
    tone: Literal["win", "tie", "alone", "nothing"]
    headline: str
    figure: str = ""
    details: tuple[str, ...] = ()
    warning: str = ""


def verdict(found: ProtocolFindings) -> Verdict:
    """The verdict of one protocol."""
    result = found.result
    title = protocol_title(result)
    if found.main is None:
        reasons = ", ".join(f"{reason} ({n:,})" for reason, n in result.skipped.items())
        return Verdict(title, "nothing", "No query could be judged", details=(f"Left out: {reasons}.",))
    best = found.best
    if best is None:
        return Verdict(title, "alone", "Only references were measured")
    measure = measure_title(result, found.main)
    near = [other for other in found.contenders[1:] if not _clear(found.lead(other))]
    details: list[str] = []
    if len(found.contenders) == 1:
        tone, words = "alone", f"{best} is the only contender"
    elif not near:
        tone, words = "win", f"{best} wins"
        details.append(_lead(found, found.contenders[1], "the next best") + " Beyond noise.")
    else:
        tone, words = "tie", f"No clear winner: {best} leads"
        details.append(_lead(found, near[0], "the next best") + " Within noise.")
        if len(near) > 1:
            details.append(f"{len(near)} systems in all are not clearly below it: {', '.join(near)}.")
    against, warning = _references(found)
    return Verdict(
        title,
        tone,  # type: ignore[arg-type]
        words,
        f"{measure} {_value(found, best)} over {result.n_queries:,} queries",
        (*details, *against),
        warning,
    )


def headline(findings: Findings) -> str:
    """One sentence over all protocols."""
    verdicts = [(found, verdict(found)) for found in findings.protocols if found.main is not None]
    winners = {found.best for found, said in verdicts if said.tone == "win"}
    leaders = {found.best for found, _ in verdicts if found.best is not None}
    if not verdicts:
        return "No query could be judged."
    if not leaders:
        return "Only references were measured; there is no contender."
    every = "" if len(verdicts) == 1 else f" under all {len(verdicts)} protocols"
    wins = sum(said.tone == "win" for _, said in verdicts)
    (one, *others) = sorted(str(name) for name in leaders)
    if not others:
        if wins == len(verdicts):
            return f"{one} is the best system{every}, beyond noise."
        if all(said.tone == "alone" for _, said in verdicts):
            return f"{one} was measured alone: there is no other contender to beat."
        noise = f"beyond noise in {wins} of {len(verdicts)}" if wins else "within noise"
        return f"{one} leads{every}, {noise}."
    if len(winners) > 1:
        return "It depends on the protocol: " + " and ".join(
            f"{found.best} wins {found.result.protocol}" for found, said in verdicts if said.tone == "win"
        ) + "."  # fmt: skip
    led = Counter(str(found.best) for found, _ in verdicts if found.best is not None)
    counted = ", ".join(f"{name} leads {n}" for name, n in led.most_common())
    return f"No system leads under every protocol: {counted}."


def _clear(test: PairedTest | None) -> bool:
    return test is not None and test.is_clear(LEVEL) and test.mean > 0


def _value(found: ProtocolFindings, system: str) -> str:
    assert found.main is not None
    interval = found.intervals.get(system, {}).get(found.main)
    mean = found.result.system(system).mean[found.main]
    return f"{percent(mean)} %" + (f" {interval_text(interval.low, interval.high)}" if interval else "")


def _lead(found: ProtocolFindings, other: str, who: str) -> str:
    test = found.lead(other)
    if test is None:
        return f"{other} was not judged on the same queries and cannot be compared."
    many = f" (Holm, {len(found.pairs)} pairs)" if len(found.pairs) > 1 else ""
    return (
        f"{points(test.mean)} points {interval_text(test.low, test.high, signed=True)} over {who}, {other}: "
        f"p {_is(test.p_holm)}{many}; better on {test.wins:,} queries, equal on {test.ties:,}, "
        f"worse on {test.losses:,}."
    )


def _references(found: ProtocolFindings) -> tuple[list[str], str]:
    """Sentences on the best system against chance and the baselines, and a warning if it is not above."""
    assert found.main is not None and found.best is not None
    said, below = [], []
    system = found.result.system(found.best)
    over = system.over_chance.get(found.main)
    if over is not None:
        chance = percent(found.result.chance.mean[found.main])
        interval = interval_text(over.low, over.high, signed=True)
        said.append(f"{points(over.mean)} points {interval} over chance ({chance} %).")
        if over.low <= 0:
            below.append("chance")
    for test in found.tests.get(found.main, ()):
        if test.system == found.best and test.other not in found.contenders:
            said.append(
                f"{points(test.mean)} points {interval_text(test.low, test.high, signed=True)} over "
                f"{test.other}: p {_is(test.p_holm)}."
            )
            if not _clear(test):
                below.append(test.other)
    return said, f"It is not clearly above {' or '.join(below)}." if below else ""


def _is(p: float) -> str:
    text = p_text(p)
    return text.replace("<", "< ") if text.startswith("<") else f"= {text}"
