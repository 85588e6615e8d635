"""The model a run starts with: vocabulary, published weights, word vectors."""

from collections.abc import Iterable
from itertools import chain
from pathlib import Path

from retriever.rankers.int_ra.config import IntRAModelConfig
from retriever.rankers.int_ra.model import IntRAModel
from retriever.rankers.int_ra.tokens import IntRATokens
from retriever.rankers.parts.pieces import Pieces
from trainers.parts.start import Start, start_model

__all__ = ["Start", "build"]


def build(
    config: IntRAModelConfig, texts: Iterable[str], seed: int, work: Path | None = None
) -> Start[IntRAModel, IntRATokens]:
    """Build the model that `config` describes and fill it with the weights it names.

    Args:
        texts: whatever the model will read of the training split, but for the labels' names; for them and
            the rest see `start_model`.

    Raises:
        ModelError, InputError: as `start_model`.
    """
    start, _ = start_model(config, chain(texts, config.label_texts), seed, work, _make)
    return start


def _make(config: IntRAModelConfig, pieces: Pieces) -> tuple[IntRAModel, IntRATokens]:
    tokens = IntRATokens(pieces, config)
    return IntRAModel(config, pieces.size, tokens.labels()), tokens
