"""What is measured: functions that score a whole library for a conversation, several systems in one call."""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from retriever.errors import InputError, ModelError
from retriever.scorers.base import Recaller
from retriever.types import Conversation

__all__ = ["Scored", "Systems", "checked", "from_recallers", "with_fixed"]

Scored = Mapping[str, ArrayLike]
"""System name -> scores ``(n_library,)`` in library row order, finite, higher is better."""

Systems = Callable[[Conversation], Scored]
"""All systems at once, so that they can share one encoding of the conversation."""


def from_recallers(*recallers: Recaller) -> Systems:
    """Systems out of scorers that can score a whole library, each under its own name.

    Raises:
        InputError: two of them have the same name.
    """
    names = [recaller.name for recaller in recallers]
    if len(set(names)) < len(names):
        raise InputError(f"two systems have the same name: {', '.join(names)}")
    return lambda conversation: {
        recaller.name: recaller.score_library(conversation) for recaller in recallers
    }


def with_fixed(systems: Systems, fixed: Scored) -> Systems:
    """`systems` and beside them some whose scores do not depend on the conversation.

    Raises:
        InputError: (when called) a name is used on both sides.
    """

    def score(conversation: Conversation) -> Scored:
        scored = systems(conversation)
        if both := fixed.keys() & scored.keys():
            raise InputError(f"two systems have the same name: {', '.join(sorted(both))}")
        return {**fixed, **scored}

    return score


def checked(scored: Scored, n: int, query: str) -> dict[str, NDArray[np.float64]]:
    """The scores as float64, if they are usable.

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
