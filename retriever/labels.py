"""The label sets of the field, by name; compare names lower-cased."""

from typing import Literal

EMOTIONS: tuple[str, ...] = ("surprise", "happiness", "disgust", "fear", "sadness", "anger", "neutral")
"""SER30K's seven emotions, in the order of the PBR model (class index = SER30K's ``anno`` - 1)."""

INTENTIONS: tuple[str, ...] = (
    "admiration", "amusement", "anger", "annoyance", "approval", "caring", "confusion", "curiosity",
    "desire", "disappointment", "disapproval", "disgust", "embarrassment", "excitement", "fear",
    "gratitude", "grief", "joy", "love", "nervousness", "optimism", "pride", "realization", "relief",
    "remorse", "sadness", "surprise", "neutral",
)  # fmt: skip
"""The 28 GoEmotions labels in their standard order (Demszky et al. 2020); StickerInt's intention tags."""

RELATIONS: tuple[str, ...] = ("xIntent", "xNeed", "xWant", "xReact", "xEffect")
"""The five COMET/ATOMIC relations that Int-RA infers for a conversation (section IV-A)."""

Mode = Literal["reply", "supplement"]
"""``reply``: the sticker answers the others; ``supplement``: it follows the sender's own last words."""
