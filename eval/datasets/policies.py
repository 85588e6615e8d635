"""Candidates by the name of a policy, for any format: what a sticker is ranked among.

========================= ===============================================================================
``given``                 what the file says
``all``                   every sticker of the library; rows have no candidates then
``split``                 every sticker of the sample's own split
``random``                others that were sent in the same split
``random_same_pack``      others of the gold's pack
``other_label_same_pack`` others of the gold's pack with another label: only what was sent is right
``srs_first9``            the first nine of the gold's set, in the order of its mapping (SRS's code)
``pbr_released``          the same without taking the gold out, and the gold first (PBR's code); for audits
``random_same_set``       nine at random of the gold's set (PBR's text)
========================= ===============================================================================
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import cast, get_args

from eval.datasets.choices import Choice, Draw, Sent, draw_among
from eval.datasets.same_pack import NativePolicy, draw_negatives
from eval.datasets.same_set import SetPolicy, chooser
from retriever.errors import InputError

__all__ = ["DRAWN", "POLICIES", "WITHOUT_CANDIDATES", "Chooser", "Pools", "choose_by", "distinct"]

Chooser = Callable[[int, Sent], Choice]
"""(place of a sample among those with a sticker, the sample) -> its candidates."""

WITHOUT_CANDIDATES = ("given", "all")
"""Policies that choose nothing."""

DRAWN: tuple[str, ...] = ("random", "split", *get_args(NativePolicy), *get_args(SetPolicy))
POLICIES: tuple[str, ...] = (*WITHOUT_CANDIDATES, *DRAWN)


@dataclass(frozen=True, slots=True)
class Pools:
    """What policies choose from.

    Attributes:
        packs: the stickers of every pack, in its own order.
        labels: of stickers; for ``other_label_same_pack``.
        split: the stickers of the split, where the data say which those are.
        said: labels of stickers by field, of which `labelled` chooses.
    """

    packs: Mapping[str, Sequence[str]]
    labels: Mapping[str, str | None] = field(default_factory=dict)
    split: Sequence[str] | None = None
    said: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def labelled(self, name: str | None) -> "Pools":
        """The same, with the labels of a field."""
        return replace(self, labels=self.said.get(name or "", {}))


def choose_by(
    policy: str, samples: Sequence[Sent], pools: Pools, negatives: int = 9, seed: int = 42
) -> Chooser:
    """The function that gives samples their candidates.

    Args:
        policy: one of `DRAWN`.
        samples: all samples of the split that have a sticker, in order.
        negatives: how many beside the gold (``split`` takes all).

    Raises:
        InputError: an unknown policy, or one that cannot be used with these data; says why.
    """
    if policy in get_args(SetPolicy):
        return chooser(policy, pools.packs, negatives, seed)
    if policy in get_args(NativePolicy):
        pack_of = {id_: pack for pack, ids in pools.packs.items() for id_ in ids}
        draw = draw_negatives(samples, pack_of, pools.labels, cast(NativePolicy, policy), negatives, seed)
        return _first_epoch(draw)
    if policy == "random":
        pool = sorted({sample.sticker for sample in samples})
        return _first_epoch(draw_among(samples, pool, negatives, seed))
    if policy == "split":
        return _whole_split(pools.split)
    raise InputError(f"policy of negatives is {policy!r}; expected one of {', '.join(POLICIES)}")


def distinct(choice: Choice) -> tuple[str, ...]:
    """Candidates without empty slots and repetitions, in order: what can be ranked."""
    return tuple(dict.fromkeys(id_ for id_ in choice[0] if id_ is not None))


def _first_epoch(draw: Draw) -> Chooser:
    def choose(index: int, sample: Sent) -> Choice:
        candidates, place = draw(index, 0)
        return tuple(candidates), place

    return choose


def _whole_split(pool: Sequence[str] | None) -> Chooser:
    if pool is None:
        raise InputError("policy of negatives is 'split', but these data do not say whose sticker is whose")
    place = {id_: at for at, id_ in enumerate(pool)}
    listed = tuple(pool)

    def choose(index: int, sample: Sent) -> Choice:
        at = place.get(sample.sticker)
        return ((*listed, sample.sticker), len(listed)) if at is None else (listed, at)

    return choose
