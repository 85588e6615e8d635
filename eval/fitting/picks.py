"""What a fitted fusion would pick, and how clearly: the raw material of deciding when to send."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from eval.fitting.pools import Floats
from eval.fitting.scored import Query
from retriever.fusion import fuse
from retriever.fusion.decision import evidence
from retriever.fusion.fitted import FittedFusion

__all__ = ["Picks", "picks_of"]


@dataclass(frozen=True)
class Picks:
    """One pick a conversation.

    Attributes:
        features: ``(q, f)``: evidence, then traits, as `retriever.fusion.decision.Decider` reads them.
        right: ``(q,)``, the share of the best that carry the label; above one best only where scores are
            equal.
    """

    features: Floats
    right: Floats


def picks_of(queries: Sequence[Query], scorers: Sequence[str], fusion: FittedFusion) -> Picks:
    """Fuse what was recalled exactly as the chain does.

    Args:
        queries: with recalled stickers.
        scorers: the names of their columns.
    """
    features, right = [], []
    for query in queries:
        weights = fusion.weights_for(query.traits)
        doubted = {name: weights[name] * query.confidence[at] for at, name in enumerate(scorers)}
        said = {name: query.recalled[:, at] for at, name in enumerate(scorers)}
        fused = fuse(said, fusion.method, weights=doubted, **fusion.options)
        features.append(np.concatenate([evidence(fused), query.traits]))
        right.append(query.right[fused == fused.max()].mean())
    return Picks(np.stack(features), np.array(right))
