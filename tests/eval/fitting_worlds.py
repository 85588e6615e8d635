"""Made-up pools whose golds are drawn by known weights."""

from collections.abc import Sequence

import numpy as np

from eval.fitting.pools import Pools
from retriever.fusion.traits import TRAITS


def make(
    q: int,
    weights: Sequence[float],
    *,
    n: int = 6,
    seed: int = 0,
    ragged: bool = False,
    gated: bool = False,
    doubts: bool = False,
    dialogue: int = 1,
    parts: Sequence[Pools] = (),
) -> Pools:
    """`q` conversations, `dialogue` of them to a group; scores are standard normal, and golds are drawn from
    exp(w . x). With `gated` the first scorer alone counts where the first trait is 1, else the second alone.
    Given `parts`, they are put together as datasets.
    """
    if parts:
        return Pools(
            parts[0].scorers,
            *(
                np.concatenate([getattr(part, name) for part in parts])
                for name in ("scores", "mask", "gold", "confidence", "traits")
            ),
            np.concatenate([part.group + 100_000 * at for at, part in enumerate(parts)]),
            np.concatenate([np.full(len(part), at) for at, part in enumerate(parts)]),
            tuple(f"data{at}" for at in range(len(parts))),
        )
    rng = np.random.default_rng(seed)
    s = len(weights)
    scores = rng.normal(size=(q, n, s))
    sizes = rng.integers(2, n + 1, q) if ragged else np.full(q, n)
    mask = np.arange(n)[None, :] < sizes[:, None]
    scores[~mask] = 0.0
    traits = np.zeros((q, len(TRAITS)))
    traits[:, 0] = rng.integers(0, 2, q)
    true = np.tile(np.array(weights), (q, 1))
    if gated:
        true *= np.stack([traits[:, 0], 1 - traits[:, 0]], axis=1)
    utility = np.where(mask, np.einsum("qns,qs->qn", scores, true) + rng.gumbel(size=(q, n)), -np.inf)
    confidence = np.where(rng.random((q, s)) < 0.3, 0.1, 1.0) if doubts else np.ones((q, s))
    return Pools(
        tuple("abcdefgh"[:s]),
        scores,
        mask,
        utility.argmax(axis=1),
        confidence,
        traits,
        np.arange(q) // dialogue,
        np.zeros(q, dtype=np.int64),
        ("data0",),
    )


def slow_loss(pools: Pools, w: Sequence[float]) -> float:
    """The weighted negative log-likelihood, one candidate at a time."""
    total = 0.0
    for at in range(len(pools)):
        utilities = [
            float(np.dot(w, x)) for x, shown in zip(pools.scores[at], pools.mask[at], strict=True) if shown
        ]
        share = np.exp(utilities[pools.gold[at]]) / sum(np.exp(utilities))
        total -= pools.weight[at] * np.log(share)
    return total
