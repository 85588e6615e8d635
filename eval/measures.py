"""Measures by the names that stand in reports: how each is computed, and what chance gives.

========== =========================================================================================
``R@k``    relevant items in the top k over those in the pool; over lists of ten the papers' R10@k, over
           all stickers with the gold alone their R_all@k
``P@k``    relevant items in the top k over k, also where the list is shorter
``Hit@k``  1 if any of the top k is relevant; Int-RA prints it as "P@k"
``RR``     one over the rank of the first relevant item, 0 without one; its mean is MRR: MRR_10 over
           lists of ten, MRR_all over all stickers. ``RR@k`` counts ranks beyond k as 0
``AP``     average precision over the relevant items **of the pool**, ranked or not; its mean is MAP, or
           mAP, and with one relevant item the same as RR. ``AP@k`` keeps that denominator
``nDCG@k`` grade / log2(rank + 1), over the best order of the pool cut at k; ``nDCG``: not cut
========== =========================================================================================

Items with equal scores: `eval.metrics.ranked.Ties`. A judged query for which a run has nothing is worth 0 and
counted; a query in which nothing is relevant has no value, is left out and counted (`eval.judging`).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from numpy.typing import ArrayLike

from eval import chance
from eval.metrics import formulas
from eval.metrics.ranked import Floats, Ranked, Ties, rank
from retriever.errors import InputError

__all__ = ["Measure", "compute", "our_name", "parse_measure"]


@dataclass(frozen=True, slots=True)
class Measure:
    """A measure at its cut.

    Attributes:
        name: as in results: ``R@1``, ``P@5``, ``Hit@3``, ``RR``, ``AP``, ``AP@10``, ``nDCG@10``.
        of: lists to values, shape ``(q,)``.
        chance: (number of items, number relevant) to the exact chance level; relevant items of grade 1.
    """

    name: str
    of: Callable[[Ranked], Floats]
    chance: Callable[[int, int], float]


_Kind = tuple[Callable[[Ranked, int | None], Floats], Callable[[int, int, int | None], float]]

_WHOLE: dict[str, _Kind] = {
    "RR": (formulas.reciprocal_rank, chance.reciprocal_rank),
    "AP": (formulas.average_precision, chance.average_precision),
    "nDCG": (formulas.ndcg, chance.ndcg_at_k),
}
"""Measures that may be cut."""

_CUT: dict[str, tuple[Callable[[Ranked, int], Floats], Callable[[int, int, int], float]]] = {
    "R": (formulas.recall, chance.recall_at_k),
    "P": (formulas.precision, chance.precision_at_k),
    "Hit": (formulas.hit, chance.hit_at_k),
}
"""Measures that have to be."""


def parse_measure(name: str) -> Measure:
    """The measure of that name.

    Raises:
        InputError: there is none; the message lists them.
    """
    kind, at, digits = name.partition("@")
    if at and not (digits.isascii() and digits.isdecimal() and int(digits) > 0):
        raise InputError(f"measure {name!r} has no whole number of at least 1 after @")
    k = int(digits) if at else None
    if kind in _WHOLE:
        formula, level = _WHOLE[kind]
        return Measure(name, lambda lists: formula(lists, k), lambda n, r: level(n, r, k))
    if kind in _CUT and k is not None:
        cut_formula, cut_level = _CUT[kind]
        return Measure(name, lambda lists: cut_formula(lists, k), lambda n, r: cut_level(n, r, k))
    known = ", ".join([f"{kind}@k" for kind in _CUT] + [f"{kind} and {kind}@k" for kind in _WHOLE])
    raise InputError(f"there is no measure {name!r}; there are {known}")


def compute(
    scores: ArrayLike,
    relevance: ArrayLike,
    measures: Iterable[str],
    ties: Ties = "expected",
    n_relevant: ArrayLike | None = None,
) -> dict[str, Floats]:
    """Several measures of the same lists, which are ranked once.

    Args:
        scores, relevance, ties, n_relevant: as in `eval.metrics.ranked.rank`.
        measures: names.

    Returns:
        Measure -> values, ``(q,)``.

    Raises:
        InputError: an unknown measure, or bad input.
    """
    parsed = [parse_measure(name) for name in measures]
    lists = rank(scores, relevance, ties, n_relevant)
    return {measure.name: measure.of(lists) for measure in parsed}


_TREC_NAMES = {"map": "AP", "recip_rank": "RR", "ndcg": "nDCG"}
_TREC_CUTS = {"P": "P", "recall": "R", "success": "Hit", "map_cut": "AP", "ndcg_cut": "nDCG"}


def our_name(name: str) -> str:
    """Our name of a measure, also where trec_eval's or ir-measures' is given: ``map``, ``Success@5``."""
    if name in _TREC_NAMES:
        return _TREC_NAMES[name]
    kind, _, cut = name.rpartition("_")
    if kind in _TREC_CUTS and cut.isdecimal():
        return f"{_TREC_CUTS[kind]}@{cut}"
    return name.replace("Success@", "Hit@") if name.startswith("Success@") else name
