"""Measures by the names that stand in reports: how each is computed, and what chance gives."""

from collections.abc import Callable
from dataclasses import dataclass

from eval import chance
from eval.metrics import formulas
from eval.metrics.ranked import Floats, Ranked
from retriever.errors import InputError

__all__ = ["Measure", "parse_measure"]


@dataclass(frozen=True, slots=True)
class Measure:
    """A measure at its cut.

    Attributes:
        name: as in results: ``R@1``, ``P@5``, ``Hit@3``, ``RR``, ``AP``, ``AP@10``.
        of: lists to values, shape ``(q,)``.
        chance: (number of items, number relevant) to the exact chance level.
    """

    name: str
    of: Callable[[Ranked], Floats]
    chance: Callable[[int, int], float]


def parse_measure(name: str) -> Measure:
    """The measure of that name.

    Raises:
        InputError: there is none; the message lists them.
    """
    kind, at, digits = name.partition("@")
    if at and not (digits.isdecimal() and int(digits) > 0):
        raise InputError(f"measure {name!r} has no whole number of at least 1 after @")
    k = int(digits) if at else None
    if kind == "AP":
        return Measure(
            name,
            lambda lists: formulas.average_precision(lists, k),
            lambda n, r: chance.average_precision(n, r, k),
        )
    if kind == "RR" and k is None:
        return Measure(name, formulas.reciprocal_rank, chance.reciprocal_rank)
    if kind == "R" and k is not None:
        return Measure(
            name, lambda lists: formulas.recall(lists, k), lambda n, r: chance.recall_at_k(n, r, k)
        )
    if kind == "P" and k is not None:
        return Measure(
            name, lambda lists: formulas.precision(lists, k), lambda n, r: chance.precision_at_k(n, r, k)
        )
    if kind == "Hit" and k is not None:
        return Measure(name, lambda lists: formulas.hit(lists, k), lambda n, r: chance.hit_at_k(n, r, k))
    raise InputError(f"there is no measure {name!r}; there are R@k, P@k, Hit@k, RR, AP and AP@k")
