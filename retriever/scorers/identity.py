"""What a scorer is, in a word: two scorers with one identity give the same scores."""

from collections.abc import Iterable

from retriever.rankers.base import Ranker
from retriever.scorers.base import Scorer
from retriever.scorers.embedding import EmbeddingScorer
from retriever.scorers.lexical import LexicalScorer
from retriever.tokenize import TOKENIZER_VERSION

__all__ = ["identities", "identity"]


def identity(scorer: Scorer) -> str:
    """The model and the settings behind a scorer, not the stickers: a library may grow under its scorers.

    A scorer of a kind unknown here has its ``model_id``, else its name.
    """
    if isinstance(scorer, EmbeddingScorer):
        return f"{scorer.encoder.spec.fingerprint}, last {scorer.history}"
    if isinstance(scorer, LexicalScorer):
        return f"bm25, tokenizer {TOKENIZER_VERSION}, last {scorer.history}"
    ranker: Ranker | None = getattr(scorer, "ranker", None)
    return ranker.model_id if ranker is not None else str(getattr(scorer, "model_id", scorer.name))


def identities(scorers: Iterable[Scorer]) -> dict[str, str]:
    """`identity` by scorer name."""
    return {scorer.name: identity(scorer) for scorer in scorers}
