"""What an LLM scorer did: everything that is not the plain case is counted here."""

from collections import Counter
from dataclasses import dataclass, field

__all__ = ["ScorerStats"]


@dataclass(slots=True)
class ScorerStats:
    """Counts since the scorer was made.

    Attributes:
        calls, prompt_tokens, completion_tokens: made and used.
        cached: answers that were known already.
        one_sided: pointwise answers with only one of yes and no among the returned log probabilities; the
            other is taken at the most it can have been.
        by_word: pointwise answers without either (or from a server without log probabilities), asked again
            for a plain word: scored 1 or 0.
        unanswered: stickers of which the model said nothing usable; they score the median of the others.
        duplicate, missing, invented: numbers in listwise answers given twice (the first counts), not at all
            (they share the places that are left) or for no sticker (dropped).
        blank: stickers shown to the model without a word about them, nor an image.
        skipped: conversations for which the scorer gave no opinion, by reason.
    """

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached: int = 0
    one_sided: int = 0
    by_word: int = 0
    unanswered: int = 0
    duplicate: int = 0
    missing: int = 0
    invented: int = 0
    blank: int = 0
    skipped: Counter[str] = field(default_factory=Counter)

    @property
    def unusual(self) -> dict[str, int]:
        """The counts of what was not the plain case, where there are any."""
        names = ("one_sided", "by_word", "unanswered", "duplicate", "missing", "invented", "blank")
        found = {name: getattr(self, name) for name in names if getattr(self, name)}
        return found | ({"skipped": self.skipped.total()} if self.skipped else {})
