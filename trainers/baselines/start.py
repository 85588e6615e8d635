"""The model a run starts with: vocabulary, published weights, word vectors."""

from collections.abc import Iterable
from pathlib import Path

from retriever.rankers.baselines.base import BaselineModel
from retriever.rankers.baselines.config import BaselineConfig
from retriever.rankers.baselines.models import build_model
from retriever.rankers.parts.pieces import Pieces
from trainers.parts.start import Start, start_model

__all__ = ["Start", "start"]


def start(
    family: str, config: BaselineConfig, texts: Iterable[str], seed: int, work: Path | None = None
) -> Start[BaselineModel, Pieces]:
    """Build the model that `config` describes and fill it with the weights it names.

    Args:
        family: one of `retriever.rankers.baselines.CONFIGS`.
        texts: the training split's utterances; for them and the rest see `start_model`.

    Raises:
        ModelError, InputError: as `start_model`.
    """

    def make(config: BaselineConfig, pieces: Pieces) -> tuple[BaselineModel, Pieces]:
        return build_model(family, config, pieces.size), pieces

    return start_model(config, texts, seed, work, make)[0]
