"""One meter for a whole Ray cluster: every call asks it first, wherever it is made."""

from time import monotonic
from typing import Any

from llm_tools.budget import Budget, Meter

__all__ = ["SharedMeter"]


class SharedMeter:
    """A `CallMeter` in a small actor of its own; copies of it, in other actors, ask the same one.

    Asking takes a round trip through the cluster, for which the asker waits; telling does not. The minutes of
    the budget count from the first call: a cluster and its models may take long to start.

    Raises:
        ray.exceptions.RayError: from every method, when the cluster is gone.
    """

    def __init__(self, budget: Budget) -> None:
        import ray

        keeper = ray.remote(num_cpus=0)(_Keeper)
        self._keeper: Any = keeper.remote(budget)

    def begin_call(self) -> bool:
        """Whether one more call may begin; counts it if so."""
        return bool(self._answer("begin_call"))

    def end_call(self, prompt_tokens: int, completion_tokens: int) -> None:
        """Count what a call has used."""
        self._keeper.end_call.remote(prompt_tokens, completion_tokens)

    def stop(self, reason: str) -> None:
        """Let no further call begin; the first reason is kept."""
        self._answer("stop", reason)

    @property
    def stop_reason(self) -> str | None:
        """Why no call may begin any more, or None."""
        reason: str | None = self._answer("stop_reason")
        return reason

    def _answer(self, method: str, *arguments: Any) -> Any:
        import ray

        return ray.get(getattr(self._keeper, method).remote(*arguments))


class _Keeper:
    """The actor."""

    def __init__(self, budget: Budget) -> None:
        self._meter = Meter(budget)

    def begin_call(self) -> bool:
        if not self._meter.calls:
            self._meter.began = monotonic()
        return self._meter.begin_call()

    def end_call(self, prompt_tokens: int, completion_tokens: int) -> None:
        self._meter.end_call(prompt_tokens, completion_tokens)

    def stop(self, reason: str) -> None:
        self._meter.stop(reason)

    def stop_reason(self) -> str | None:
        return self._meter.stop_reason
