"""StickerChat's negatives, by the name of who chose them so (formats of the two released code bases)."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, get_args

import numpy as np

from eval.datasets.choices import Choice, Sent
from retriever.errors import InputError

__all__ = ["SetPolicy", "chooser"]

SetPolicy = Literal["srs_first9", "pbr_released", "random_same_set"]
"""``srs_first9`` (default; SRS's code): the first nine of the set's mapping file without the gold; the gold's
place is shuffled. ``pbr_released`` (PBR's code): the first nine, the gold not taken out, so that it may stand
twice, and always at place 0, where ties favour it; for audits only. ``random_same_set`` (PBR's text,
section 4.1): nine at random without the gold, its place shuffled."""


def chooser(
    policy: str, mapping: Mapping[str, Sequence[str]], negatives: int = 9, seed: int = 42
) -> Callable[[int, Sent], Choice]:
    """A function from (index, sample) to its candidates under `policy`.

    A set with too few stickers gives None for the rest: an empty slot, scored as a negative (both code bases
    do; they show black and grey pictures there).

    Args:
        mapping: sticker ids of every set, in the order of its mapping file.

    Raises:
        InputError: an unknown policy.
    """
    if policy not in get_args(SetPolicy):
        raise InputError(
            f"policy of negatives is {policy!r}; expected one of {', '.join(get_args(SetPolicy))}"
        )

    def choose(index: int, sample: Sent) -> Choice:
        rng = np.random.default_rng((seed, index))
        pool = list(mapping.get(sample.pack, ()))
        if policy != "pbr_released":
            pool = [id_ for id_ in pool if id_ != sample.sticker]
        if policy == "random_same_set":
            pool = [pool[at] for at in rng.permutation(len(pool))]
        drawn: list[str | None] = [*pool[:negatives]]
        drawn += [None] * (negatives - len(drawn))
        place = 0 if policy == "pbr_released" else int(rng.integers(negatives + 1))
        drawn.insert(place, sample.sticker)
        return tuple(drawn), place

    return choose
