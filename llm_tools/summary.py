"""How a run of the batch runner ended."""

from collections import Counter
from dataclasses import dataclass, field

__all__ = ["Summary"]


@dataclass(slots=True)
class Summary:
    """How a run ended.

    Attributes:
        items: how many were given.
        reused: answered by an earlier run, or the same as another item of this one.
        answered: answered by this run.
        failed: by reason; each is in the failures file with its raw reply.
        failed_before: failed in an earlier run, not asked again (see `retry_failed`).
        not_asked: left for the next run.
        stopped: why the run ended before its last item, or None.
    """

    items: int = 0
    reused: int = 0
    answered: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    failed_before: int = 0
    not_asked: int = 0
    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0
    stopped: str | None = None

    @property
    def complete(self) -> bool:
        """Every item has its answer."""
        return self.reused + self.answered == self.items

    def __str__(self) -> str:
        failed = ", ".join(f"{count} {reason}" for reason, count in sorted(self.failed.items()))
        parts = [
            f"{self.items} items: {self.answered} answered, {self.reused} known already",
            f"{self.failed.total()} failed" + (f" ({failed})" if failed else ""),
        ]
        if self.failed_before:
            parts.append(f"{self.failed_before} failed in an earlier run")
        if self.not_asked:
            parts.append(f"{self.not_asked} not asked ({self.stopped})")
        tokens = f"{self.prompt_tokens} + {self.completion_tokens} tokens"
        return "; ".join(parts) + f"; {self.calls} calls, {tokens}, {self.seconds:.1f} s"
