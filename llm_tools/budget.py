"""How much a run may use, and when it has to stop."""

from dataclasses import dataclass, field
from time import monotonic
from typing import Protocol

from retriever.errors import InputError

__all__ = ["Budget", "CallMeter", "Meter"]


@dataclass(frozen=True, slots=True)
class Budget:
    """Upper bounds of one run; None is no bound.

    Attributes:
        max_calls: calls to the model, re-asks included (a call repeated after a transport error counts once).
        max_tokens: tokens in and out; calls in flight are charged at the average, so a run ends close below.
        max_minutes: no call begins later than this.
    """

    max_calls: int | None = None
    max_tokens: int | None = None
    max_minutes: float | None = None

    def __post_init__(self) -> None:
        for name in ("max_calls", "max_tokens", "max_minutes"):
            value = getattr(self, name)
            if value is not None and value < 0:
                raise InputError(f"{name} is {value}; expected 0 or more, or nothing for no bound")


class CallMeter(Protocol):
    """What is asked before a call, and told after it."""

    def begin_call(self) -> bool:
        """Whether one more call may begin; counts it if so."""
        ...

    def end_call(self, prompt_tokens: int, completion_tokens: int) -> None:
        """Count what a call has used."""
        ...


@dataclass(slots=True)
class Meter:
    """What a run has used so far, held against its budget."""

    budget: Budget = field(default_factory=Budget)
    calls: int = 0
    answered: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    began: float = field(default_factory=monotonic)
    stop_reason: str | None = None

    @property
    def tokens(self) -> int:
        """Tokens in and out."""
        return self.prompt_tokens + self.completion_tokens

    @property
    def seconds(self) -> float:
        """Since the run began."""
        return monotonic() - self.began

    def stop(self, reason: str) -> None:
        """Let no further call begin; the first reason is kept."""
        self.stop_reason = self.stop_reason or reason

    def begin_call(self) -> bool:
        """Whether one more call may begin; counts it if so."""
        if self.stop_reason is None and (reason := self._exhausted()):
            self.stop(reason)
        if self.stop_reason is not None:
            return False
        self.calls += 1
        return True

    def end_call(self, prompt_tokens: int, completion_tokens: int) -> None:
        """Count what a call has used."""
        self.answered += 1
        self.prompt_tokens += prompt_tokens
        self.completion_tokens += completion_tokens

    def _exhausted(self) -> str | None:
        budget = self.budget
        if budget.max_calls is not None and self.calls >= budget.max_calls:
            return f"max_calls {budget.max_calls} reached"
        if budget.max_minutes is not None and self.seconds >= 60 * budget.max_minutes:
            return f"max_minutes {budget.max_minutes:g} reached"
        if budget.max_tokens is not None and self._expected_tokens() > budget.max_tokens:
            return f"max_tokens {budget.max_tokens} reached"
        return None

    def _expected_tokens(self) -> float:
        """Tokens used, in flight, and by one more call; a call costs at least one token."""
        average = self.tokens / self.answered if self.answered else 1.0
        return self.tokens + max(1.0, average) * (self.calls - self.answered + 1)
