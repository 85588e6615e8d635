"""The model a run starts with: vocabulary and published weights."""

from collections.abc import Iterable
from pathlib import Path

import torch

from retriever.rankers.mmbert.config import MMBERTModelConfig
from retriever.rankers.mmbert.model import MMBERTModel
from retriever.rankers.mmbert.tokens import DialogueTokens
from retriever.rankers.parts.pieces import Pieces
from trainers.parts.start import Start, start_model

__all__ = ["Start", "build"]

_TYPES = "embeddings.token_type_embeddings.weight"


def build(
    config: MMBERTModelConfig, texts: Iterable[str], seed: int, work: Path | None = None
) -> Start[MMBERTModel, DialogueTokens]:
    """Build the model that `config` describes and fill it with the weights it names.

    Args:
        texts: the training split's utterances and the words in stickers; for them and the rest see
            `start_model`.

    Raises:
        ModelError, InputError: as `start_model`.
    """
    start, bert = start_model(config, texts, seed, work, _make)
    if bert is None or len(bert.state[_TYPES]) < 2:
        return start
    types = bert.state[_TYPES]
    with torch.no_grad():  # the first type is part of the positions by now
        start.model.second.copy_(types[1] - types[0])
    return start.having(["second"])


def _make(config: MMBERTModelConfig, pieces: Pieces) -> tuple[MMBERTModel, DialogueTokens]:
    tokens = DialogueTokens(pieces, config)
    return MMBERTModel(config, tokens), tokens
