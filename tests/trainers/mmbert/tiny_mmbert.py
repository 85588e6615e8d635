"""An MMBERT that trains in seconds: drawn squares with words in some, dialogues that name them."""

from dataclasses import replace
from typing import Any

import numpy as np

from retriever.packs.entry import Annotations
from retriever.types import Attributes, Conversation, Utterance
from trainers.datasets.ranking import RankingData, RankingSample, StickerImages
from trainers.mmbert.config import MMBERTConfig

SIDE = 16
COLOURS = {"red": (220, 20, 20), "green": (20, 200, 20), "blue": (20, 20, 220), "gold": (230, 200, 10)}
WORDS = {"red": "stop now", "green": "", "blue": "", "gold": "oh well yes"}
FEELINGS = {"red": "cross", "green": "calm", "blue": None, "gold": "glad"}

IMAGE = {
    "model": "vit_tiny_patch16_224",
    "size": SIDE,
    "options": {"patch_size": 8, "embed_dim": 16, "depth": 1, "num_heads": 2},
}
TEXT = {"kind": "bert", "layers": 2, "width": 32, "heads": 2, "ffn": 64, "max_tokens": 40, "vocabulary": 120}


def tiny_stickers() -> StickerImages:
    """Four stickers, each of a colour; red and gold have words in them."""
    n = len(COLOURS)
    images = np.empty((n, SIDE, SIDE, 3), np.uint8)
    images[:] = np.array(list(COLOURS.values()), np.uint8)[:, None, None]
    return StickerImages(
        ids=tuple(COLOURS),
        images=images,
        image_of=np.arange(n),
        topic=np.zeros(n, np.int64),
        emotion=np.full(n, -1),
        sha256=tuple(f"{at:064x}" for at in range(n)),
        said=tuple(Annotations(attributes=Attributes(verbal=words)) for words in WORDS.values()),
    )


def tiny_data(count: int = 8, words: bool = True, emotions: bool = True) -> RankingData:
    """Sample i names colour i and is ranked among all four; the gold's place moves."""
    stickers = tiny_stickers()
    if not words:
        stickers = replace(stickers, said=())
    samples = []
    for at in range(count):
        colour = list(COLOURS)[at % 4]
        others = [other for other in COLOURS if other != colour]
        gold = (at // 2) % 4
        said = (Utterance("A", f"hello you {at}"), Utterance("B", f"the {colour} one please"))
        samples.append(
            RankingSample(
                f"s{at}",
                Conversation(said, "supplement", "B"),
                colour,
                "p",
                (*others[:gold], colour, *others[gold:]),
                gold,
                emotion=FEELINGS[colour] if emotions else None,
            )
        )
    return RankingData(samples, stickers)


def tiny_config(model: dict[str, Any] | None = None, **parts: Any) -> MMBERTConfig:
    """The full MMBERT at toy sizes; `parts` replace whole tables."""
    shape = {"image": IMAGE, "text": TEXT, "slots": 5, **(model or {})}
    defaults: dict[str, Any] = {
        "batch": {"size": 4},
        "pictures": {"train": True},
        "train": {"epochs": 1, "lr": 1e-3, "device": "cpu"},
    }
    return MMBERTConfig.model_validate({"model": shape, **defaults, **parts})
