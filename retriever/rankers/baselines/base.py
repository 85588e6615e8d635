"""What a baseline is: a model that encodes conversations and stickers apart, and scores pairs of them."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from retriever.rankers.baselines.config import BaselineConfig
from retriever.rankers.parts.pieces import Pieces
from retriever.rankers.parts.tokens import ConversationTokens
from retriever.types import Conversation

__all__ = ["BaselineModel", "Side", "last_turns", "pick"]

Side = Mapping[str, Tensor]
"""Tensors by name, all with the conversations, or the stickers, along their first axis."""


class BaselineModel(nn.Module, ABC):
    """The half of a family that inference needs.

    A model has an image encoder ``image`` and a text encoder ``text`` with a word table ``words``, so that
    published weights find their place.

    Args:
        config: of the family's class.
        vocabulary: entries of the word table.
    """

    config: BaselineConfig

    def read(self, pieces: Pieces, conversations: Sequence[Conversation]) -> dict[str, NDArray[np.int64]]:
        """The conversations as arrays, (n, ...) each: what `encode_texts` is given.

        By default ``ids`` and ``mask``, (n, t): ``[CLS] utterance [SEP] utterance [SEP] ...``.
        """
        kept = [last_turns(conversation, self.config.turns) for conversation in conversations]
        batch = ConversationTokens(pieces, self.config.text).batch(kept)
        return {"ids": batch.ids, "mask": batch.mask}

    @abstractmethod
    def encode_texts(self, batch: Side) -> dict[str, Tensor]:
        """n conversations, as `read` gives them."""

    @abstractmethod
    def encode_images(self, pixels: Tensor) -> dict[str, Tensor]:
        """n stickers, (n, 3, size, size) in [0, 1]: what is kept of each."""

    @abstractmethod
    def score(self, texts: Side, images: Side) -> Tensor:
        """(n,) float32: how well n pairs fit, higher is better."""


def last_turns(conversation: Conversation, count: int | None) -> Conversation:
    """The conversation with its last `count` utterances that have text; all if None."""
    if count is None:
        return conversation
    said = [utterance for utterance in conversation.utterances if utterance.text.strip()]
    return Conversation(tuple(said[-count:]), conversation.mode, conversation.reply_speaker, conversation.id)


def pick(side: Side, rows: Tensor) -> dict[str, Tensor]:
    """Some rows of a side, in the order of `rows`, (m,) int64."""
    return {name: values[rows] for name, values in side.items()}
