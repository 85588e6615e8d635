"""What is known of a query apart from its answer: what results are broken down by."""

from collections.abc import Callable, Container, Sequence
from typing import Any

from eval.datasets import Sample
from eval.labels import LABEL_FIELDS, LabelField, label_of
from eval.protocols import LibrarySticker, words_on
from retriever.types import Conversation

__all__ = ["FactFinder", "Sentiment"]

Sentiment = Callable[[Conversation], float]
"""How positive a conversation is, 0 to 1; 0.5 where nothing in it carries sentiment."""

_SAID, _CHARACTERS = 4, 300


class FactFinder:
    """Finds the ``facts`` of a record (`eval.records`).

    Args:
        stickers: the library.
        field: the dataset's label; None takes any that the sample has.
        sent_in_training: ids of the stickers that the train split was answered with, or None.
        sentiment: None leaves it out.
    """

    def __init__(
        self,
        stickers: Sequence[LibrarySticker],
        field: LabelField | None,
        sent_in_training: Container[str] | None = None,
        sentiment: Sentiment | None = None,
    ) -> None:
        verbal = {sticker.id: bool(words_on(sticker)) for sticker in stickers}
        self._verbal = verbal if any(verbal.values()) else {}
        self._fields = (field,) if field else LABEL_FIELDS
        self._sent = sent_in_training
        self._sentiment = sentiment

    def __call__(self, sample: Sample) -> dict[str, Any]:
        """The sample's facts, as JSON values."""
        conversation, gold = sample.conversation, sample.gold
        said = conversation.utterances[-_SAID:]
        sentiment = None if self._sentiment is None else round(self._sentiment(conversation), 6)
        return {
            "n_utterances": len(conversation.utterances),
            "mode": conversation.mode,
            "reply_speaker": conversation.reply_speaker,
            "said": [[one.speaker, one.text[:_CHARACTERS]] for one in said],
            "dialogue": sample.dialogue,
            "gold": gold,
            "label": next((label for name in self._fields if (label := label_of(sample, name))), None),
            "verbal": None if gold is None else self._verbal.get(gold),
            "unseen": None if gold is None or self._sent is None else gold not in self._sent,
            "sentiment": sentiment,
        }
