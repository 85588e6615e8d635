"""When to try a call again, and how long to wait before."""

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, stop_after_attempt
from tenacity.wait import wait_base, wait_random_exponential


class TransportError(Exception):
    """A call that may succeed when repeated as it is.

    Attributes:
        retry_after: seconds the server asked to wait, or None.
    """

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential backoff with full jitter.

    Attributes:
        attempts: calls in all, the first included.
        first_wait: the upper end of the first wait, in seconds; doubles every time.
        longest_wait: no wait is longer, not even one the server asks for, in seconds.
    """

    attempts: int = 6
    first_wait: float = 0.5
    longest_wait: float = 60.0

    def attempts_of(self, **overrides: Any) -> AsyncRetrying:
        """A tenacity loop with this policy; the last `TransportError` comes out when all attempts failed."""
        settings: dict[str, Any] = {
            "stop": stop_after_attempt(self.attempts),
            "wait": _AsToldOrExponential(self),
            "retry": retry_if_exception_type(TransportError),
            "reraise": True,
        }
        return AsyncRetrying(**settings | overrides)


class _AsToldOrExponential(wait_base):
    """The server's ``Retry-After`` where it gave one, jittered exponential backoff otherwise."""

    def __init__(self, policy: RetryPolicy) -> None:
        self._policy = policy
        self._backoff = wait_random_exponential(multiplier=policy.first_wait, max=policy.longest_wait)

    def __call__(self, retry_state: RetryCallState) -> float:
        outcome = retry_state.outcome
        error = outcome.exception() if outcome is not None else None
        if isinstance(error, TransportError) and error.retry_after is not None:
            return min(error.retry_after, self._policy.longest_wait)
        return float(self._backoff(retry_state))


def parse_retry_after(value: str | None) -> float | None:
    """Seconds from a ``Retry-After`` header, which holds seconds or a date; None if unreadable."""
    if value is None:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return None
