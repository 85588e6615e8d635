"""The model a run starts with: vocabulary, published weights, word vectors."""

from collections.abc import Iterable
from pathlib import Path

from retriever.rankers.parts.pieces import Pieces
from retriever.rankers.parts.tokens import ConversationTokens
from retriever.rankers.pbr.config import PBRModelConfig
from retriever.rankers.pbr.model import PBRModel
from trainers.parts.start import Start, start_model

__all__ = ["Start", "build"]


def build(
    config: PBRModelConfig, texts: Iterable[str], seed: int, work: Path | None = None
) -> Start[PBRModel, ConversationTokens]:
    """Build the model that `config` describes and fill it with the weights it names.

    A published BERT's layers after the text encoder's go into the multimodal encoder, as far as they go.

    Args:
        texts: the training split's utterances; for them and the rest see `start_model`.

    Raises:
        ModelError, InputError: as `start_model`.
    """
    start, bert = start_model(config, texts, seed, work, _make)
    if bert is None:
        return start
    model = start.model
    return start.having(bert.fill_layers(model.fusion.layers, model.config.text.layers, "fusion.layers."))


def _make(config: PBRModelConfig, pieces: Pieces) -> tuple[PBRModel, ConversationTokens]:
    return PBRModel(config, pieces.size), ConversationTokens(pieces, config.text)
