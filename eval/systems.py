"""What is measured: anything that scores stickers for conversations, opened when it is needed."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from retriever.errors import InputError, ModelError
from retriever.scorers.base import Recaller
from retriever.types import Conversation

__all__ = [
    "TOGETHER", "Asked", "LibrarySystem", "ReadsTogether", "Rows", "Scope", "Scored", "System", "SystemSpec",
    "Systems", "Usage", "check_names", "checked", "fixed", "from_recallers", "together",
]  # fmt: skip

Scored = Mapping[str, ArrayLike]
"""System name -> scores ``(n,)`` in the order of what was asked about, finite, higher is better."""

Systems = Callable[[Conversation], Scored]
"""Several systems that share work: each scores the whole library, ``(n_library,)`` in row order."""

Rows = NDArray[np.int64] | None
"""Library rows, ``(n,)``; None for all of them."""

Scope = Literal["library", "candidates"]
"""What a system can be asked about: every sticker of a library, or short lists only (an LLM)."""

TOGETHER = "together"
"""The name under which a callable's records are kept."""


class Asked(NamedTuple):
    """One question to a system."""

    conversation: Conversation
    rows: Rows


@dataclass(frozen=True, slots=True)
class Usage:
    """What a system has used of a language model so far; see `eval.results.Cost`."""

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached: int = 0
    unanswered: Mapping[str, int] = field(default_factory=dict)

    def __sub__(self, before: "Usage") -> "Usage":
        return Usage(
            self.calls - before.calls,
            self.prompt_tokens - before.prompt_tokens,
            self.completion_tokens - before.completion_tokens,
            self.cached - before.cached,
            dict(Counter(self.unanswered) - Counter(before.unanswered)),
        )


class System(Protocol):
    """Something opened that scores; `LibrarySystem` makes one out of a function."""

    @property
    def batch(self) -> int:
        """How many conversations it likes to be asked about at once; where it is 1 each is timed alone."""
        ...

    @property
    def usage(self) -> Usage:
        """What was used since it was opened."""
        ...

    def prepare(self, rows: Rows) -> None:
        """Do the sticker side of these rows, what is not done yet: timed apart from scoring."""
        ...

    def score(self, asked: Sequence[Asked]) -> Sequence[Scored]:
        """For every question the scores of the rows asked about; the same names every time.

        Raises:
            ModelError: the system does not answer. What is recorded so far stays, and a later run goes on.
        """
        ...

    def close(self) -> None:
        """Let go of what it holds."""
        ...


@runtime_checkable
class ReadsTogether(Protocol):
    """What a `System` may have besides: it reads several conversations together sooner than one by one."""

    def read(self, conversations: Sequence[Conversation]) -> None:
        """Read what `score` is asked about next; never more than its `batch`, always cut in the same way.

        Scores are the same to 1e-5 as without. After a stop the whole batch that was cut short is read again,
        so that what is missing is scored in the same company as in a run that was never stopped.
        """
        ...


@dataclass(frozen=True, slots=True)
class SystemSpec:
    """A system that may be opened: not needed where all its records are there.

    Attributes:
        name: in results; unique in an evaluation.
        open: makes it; called at most once.
        scope: what it can be asked about.
        identity: everything that decides its scores, as JSON values (a checkpoint's hash, a model's id, a
            prompt's hash, a seed): records are only continued by an equal one.
        by_list: a sticker's score depends on which others are in the list (a fusion, a listwise LLM), so
            every protocol's list is asked about for itself and in its order.
    """

    name: str
    open: Callable[[], System]
    scope: Scope = "library"
    identity: Mapping[str, Any] = field(default_factory=dict)
    by_list: bool = False


class LibrarySystem:
    """A system out of a function that scores the whole library at once.

    Args:
        score: conversation -> {name: scores ``(n_library,)``}.
    """

    batch = 1
    usage = Usage()

    def __init__(self, score: Systems) -> None:
        self._score = score

    def prepare(self, rows: Rows) -> None:
        """Nothing to do."""

    def score(self, asked: Sequence[Asked]) -> list[Scored]:
        """Whole rows, cut to what was asked about."""
        return [_cut(self._score(conversation), rows) for conversation, rows in asked]

    def close(self) -> None:
        """Nothing to do."""


def together(systems: Systems, identity: Mapping[str, Any] | None = None) -> SystemSpec:
    """One spec for all systems of a callable; their names are what it answers with."""
    return SystemSpec(TOGETHER, lambda: LibrarySystem(systems), identity=dict(identity or {}))


def fixed(name: str, scores: ArrayLike, identity: Mapping[str, Any] | None = None) -> SystemSpec:
    """A system whose scores ``(n_library,)`` are the same for every conversation."""
    return SystemSpec(name, lambda: LibrarySystem(lambda _: {name: scores}), identity=dict(identity or {}))


def from_recallers(*recallers: Recaller) -> Systems:
    """Systems out of scorers that can score a whole library, each under its own name.

    Raises:
        InputError: two of them have the same name.
    """
    check_names(recaller.name for recaller in recallers)
    return lambda conversation: {
        recaller.name: recaller.score_library(conversation) for recaller in recallers
    }


def check_names(names: Iterable[str]) -> None:
    """Raises:
    InputError: a name is there twice.
    """
    twice = [name for name, times in Counter(names).items() if times > 1]
    if twice:
        raise InputError(f"two systems have the same name: {', '.join(twice)}")


def checked(scored: Scored, n: int, query: str) -> dict[str, NDArray[np.float64]]:
    """The scores as float64, if they are usable.

    Args:
        n: how many stickers were asked about.

    Raises:
        ModelError: a wrong shape, or a score that is not a finite number; names system and query.
    """
    good: dict[str, NDArray[np.float64]] = {}
    for name, scores in scored.items():
        array = np.asarray(scores)
        if array.shape != (n,) or array.dtype.kind not in "bifu":
            raise ModelError(
                f"system {name!r} gave {array.dtype} of shape {array.shape} for query {query!r}; "
                f"expected {n} numbers"
            )
        good[name] = array.astype(np.float64)
        if not np.isfinite(good[name]).all():
            bad = int((~np.isfinite(good[name])).sum())
            raise ModelError(f"system {name!r} gave {bad} scores that are not finite for query {query!r}")
    return good


def _cut(scored: Scored, rows: Rows) -> Scored:
    """Rows of whole-library scores; a wrong shape is left for `checked` to tell about."""
    if rows is None:
        return scored
    arrays = {name: np.asarray(scores) for name, scores in scored.items()}
    return {name: a[rows] if a.ndim == 1 and len(a) > rows.max() else a for name, a in arrays.items()}
