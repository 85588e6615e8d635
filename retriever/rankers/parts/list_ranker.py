"""Rankers on torch that score lists of candidates, each conversation read once for all of its own."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from retriever.rankers.base import StickerFeatures
from retriever.rankers.parts.torch_ranker import TorchRanker
from retriever.scorers.base import Scores
from retriever.types import Conversation

__all__ = ["ListRanker"]

ModelT = TypeVar("ModelT", bound=nn.Module)
KindT = TypeVar("KindT")


class ListRanker(TorchRanker[ModelT], Generic[ModelT, KindT], ABC):
    """One conversation with all stickers, or several with a list each; KindT are its ways of ranking."""

    def score(
        self, conversation: Conversation, features: StickerFeatures, kind: KindT | None = None
    ) -> Scores:
        """(n,): one score a sticker, higher is better.

        Args:
            features: of `encode_stickers`, all or some rows; those that the family halves may be float16.
            kind: another way of ranking than the configured one.

        Raises:
            ModelError: a score is not finite.
        """
        n = len(next(iter(features.values())))
        scores: Scores = self.score_lists([conversation], features, np.arange(n)[None], kind)[0]
        return scores

    @torch.inference_mode()
    def score_lists(
        self,
        conversations: Sequence[Conversation],
        features: StickerFeatures,
        rows: NDArray[np.integer[Any]],
        kind: KindT | None = None,
    ) -> Scores:
        """(k, n): scores of n candidates for each of k conversations.

        Args:
            rows: (k, n), which rows of `features` are a conversation's candidates.

        Raises:
            ModelError: a score is not finite.
        """
        if not rows.size:
            return np.empty(rows.shape)
        return self._finite(self._pairs_of(conversations, features, rows, kind)).reshape(rows.shape)

    @abstractmethod
    def _pairs_of(
        self,
        conversations: Sequence[Conversation],
        features: StickerFeatures,
        rows: NDArray[np.integer[Any]],
        kind: KindT | None,
    ) -> Scores:
        """(k * n,): the scores of `score_lists`, list after list; there is at least one."""
