"""How scores are fused where nobody says: scores on [0, 1] are added, and a trained ranker's counts twice.

Chosen on validation dialogues, of lists of ten and of whole libraries, in English and Chinese
(``docs/fusion.md``): equal reciprocal ranks let shared words outvote a ranker that had the answer.
"""

from collections.abc import Iterable

__all__ = ["METHOD", "NORMALISATION", "RANKER_WEIGHT", "default_weights"]

METHOD = "weighted"
"""Of `retriever.fusion.combine.METHODS`."""

NORMALISATION = "minmax"
"""What that method does where it is not told another."""

RANKER_WEIGHT = 2.0


def default_weights(scorers: Iterable[str]) -> dict[str, float]:
    """By scorer name: 2 for ``ranker``, 1 for every other."""
    return {name: RANKER_WEIGHT if name == "ranker" else 1.0 for name in scorers}
