"""Negatives for conversations in the native format: nine of the gold's pack, drawn anew each epoch."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import numpy as np

from eval.datasets.choices import Draw, Sent
from retriever.errors import InputError

__all__ = ["NativePolicy", "draw_negatives"]

NativePolicy = Literal["random_same_pack", "other_label_same_pack"]
"""``random_same_pack``: any others of the gold's pack (PBR section 4.1). ``other_label_same_pack``: others of
the pack that carry another label than the gold, among the labels that samples have; what was sent is then the
only right answer."""


def draw_negatives(
    samples: Sequence[Sent],
    packs: Mapping[str, str],
    labels: Mapping[str, str | None],
    policy: NativePolicy = "random_same_pack",
    negatives: int = 9,
    seed: int = 42,
) -> Draw:
    """A function that draws the candidates of a sample in an epoch.

    The gold's place is drawn too, so that no model can learn it. A pack with fewer stickers than wanted gives
    None for the rest: an empty slot.

    Args:
        samples: as given to training; the function takes their index.
        packs: of every sticker, by id.
        labels: of every sticker, by id; stickers of other labels than samples have are no negatives under
            ``other_label_same_pack``. Not looked at otherwise.
        negatives: how many.

    Raises:
        InputError: an unknown policy, or ``other_label_same_pack`` where golds have no label.
    """
    pools = _pools(samples, packs, labels, policy)

    def draw(index: int, epoch: int) -> tuple[Sequence[str | None], int]:
        sample = samples[index]
        rng = np.random.default_rng((seed, epoch, index))
        pool = pools(sample)
        # One more than wanted, for the gold may be among them.
        at = rng.permutation(len(pool))[: negatives + 1]
        drawn: list[str | None] = [pool[i] for i in at if pool[i] != sample.sticker][:negatives]
        drawn += [None] * (negatives - len(drawn))
        place = int(rng.integers(negatives + 1))
        drawn.insert(place, sample.sticker)
        return drawn, place

    return draw


def _pools(
    samples: Sequence[Sent],
    packs: Mapping[str, str],
    labels: Mapping[str, str | None],
    policy: str,
) -> Callable[[Sent], Sequence[str]]:
    """Which stickers may be negatives of a sample (its own may be among them)."""
    of_pack: dict[str, list[str]] = {}
    for sticker, pack in packs.items():
        of_pack.setdefault(pack, []).append(sticker)
    if policy == "random_same_pack":
        return lambda sample: of_pack.get(sample.pack, [])
    if policy != "other_label_same_pack":
        raise InputError(
            f"policy of negatives is {policy!r}; expected random_same_pack or other_label_same_pack"
        )
    asked = {labels.get(sample.sticker) for sample in samples} - {None}
    bare = next((sample for sample in samples if labels.get(sample.sticker) is None), None)
    if bare is not None:
        raise InputError(
            f"sample {bare.id}: its sticker {bare.sticker!r} has no label, which other_label_same_pack "
            "needs; use random_same_pack"
        )
    others = {
        (pack, label): [id_ for id_ in ids if labels.get(id_) in asked and labels.get(id_) != label]
        for pack, ids in of_pack.items()
        for label in asked
    }
    return lambda sample: others.get((sample.pack, labels[sample.sticker]), [])
