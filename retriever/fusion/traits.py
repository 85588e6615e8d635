"""The few things about a conversation that a fitted fusion may look at: numbers that need no model."""

import math

import numpy as np
from numpy.typing import NDArray

from retriever.languages import readable_share
from retriever.query import recent_texts
from retriever.tokenize import tokenize
from retriever.types import Conversation

__all__ = ["TRAITS", "traits"]

TRAITS = ("not_latin", "length", "turns", "supplement")
"""Their names, in order: the share of the letters of the last three utterances outside the Latin script; the
logarithm of one plus the words of the last utterance; the logarithm of the number of utterances; whether the
sticker follows its sender's own words (1) or answers (0)."""

_READ = 3


def traits(conversation: Conversation) -> NDArray[np.float64]:
    """The traits of a conversation, ``(len(TRAITS),)``."""
    texts = recent_texts(conversation, _READ)
    return np.array(
        [
            1.0 - readable_share("\n".join(texts), ("en",)),
            math.log1p(len(tokenize(texts[-1]))),
            math.log(len(conversation.utterances)),
            float(conversation.mode == "supplement"),
        ]
    )
