"""From the log probabilities of an answer's first token to the odds of a yes."""

import math
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

__all__ = ["NO", "YES", "Odds", "log_odds", "probability"]

YES = frozenset({"yes", "是", "是的", "会", "會"})
NO = frozenset({"no", "否", "不", "不是", "不会", "不會"})

_TRIMMED = " \t\r\n\"'`*_.,:;!?()[]{}。，！？、：；“”‘’▁Ġ"
_LEAST = 1e-9


@dataclass(frozen=True, slots=True)
class Odds:
    """What the first token says.

    Attributes:
        log_odds: natural logarithm of P(yes) / P(no), all spellings of each summed.
        one_sided: only one of the two was among the returned alternatives, so the true odds are at least this
            far on its side.
    """

    log_odds: float
    one_sided: bool


def log_odds(
    alternatives: Mapping[str, float], yes: Iterable[str] = YES, no: Iterable[str] = NO
) -> Odds | None:
    """The odds of yes against no among the alternatives of one token; None when neither is there.

    Spellings are compared without case, spaces and punctuation: " Yes", "yes" and "YES." are one word.

    Args:
        alternatives: token -> natural log probability, as servers list the likeliest few.
        yes, no: the words that mean each.
    """
    listed = {token: value for token, value in alternatives.items() if math.isfinite(value)}
    for_yes, for_no = _mass(listed, frozenset(yes)), _mass(listed, frozenset(no))
    if for_yes == 0.0 and for_no == 0.0:
        return None
    one_sided = for_yes == 0.0 or for_no == 0.0
    if one_sided:
        # A token that is not listed is no likelier than the last one listed, nor than what is left over.
        left_over = 1.0 - sum(math.exp(value) for value in listed.values())
        bound = max(_LEAST, min(left_over, math.exp(min(listed.values()))))
        for_yes, for_no = for_yes or min(bound, for_no), for_no or min(bound, for_yes)
    return Odds(math.log(for_yes) - math.log(for_no), one_sided)


def _mass(listed: Mapping[str, float], words: frozenset[str]) -> float:
    """The probability of all spellings of `words`."""
    return sum(math.exp(value) for token, value in listed.items() if _word(token) in words)


def _word(token: str) -> str:
    return unicodedata.normalize("NFKC", token).strip(_TRIMMED).lower()


def probability(log_odds: float, baseline: float = 0.0, temperature: float = 1.0) -> float:
    """The calibrated probability of a yes, in [0, 1].

    ``sigmoid((log_odds - baseline) / temperature)``: with `baseline` the log odds under a content-free input
    this is contextual calibration for two classes (Zhao et al. 2021, "Calibrate Before Use").
    """
    x = (log_odds - baseline) / temperature
    return 1.0 / (1.0 + math.exp(-x)) if x >= 0 else math.exp(x) / (1.0 + math.exp(x))
