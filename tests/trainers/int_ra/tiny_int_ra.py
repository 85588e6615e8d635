"""An Int-RA that trains in seconds: drawn squares with attributes, conversations that mean one of them."""

from dataclasses import replace
from typing import Any

import numpy as np

from retriever.labels import EMOTIONS, INTENTIONS
from retriever.packs.entry import Annotations
from retriever.types import Attributes, Conversation, Inferences, Utterance
from trainers.datasets.ranking import RankingData, RankingSample, StickerImages
from trainers.int_ra.config import IntRAConfig

SIDE = 16
COLOURS = ((220, 20, 20), (20, 200, 20), (20, 20, 220), (230, 200, 10))
WORDS = ("apple", "grass", "ocean", "lemon")

IMAGE = {
    "model": "vit_tiny_patch16_224",
    "size": SIDE,
    "options": {"patch_size": 4, "embed_dim": 32, "depth": 1, "num_heads": 2},
}
TEXT = {
    "kind": "bert", "layers": 1, "width": 32, "heads": 2, "ffn": 48, "max_tokens": 32, "vocabulary": 160,
    "dropout": 0.0,
}  # fmt: skip
SHAPE = {"image": IMAGE, "text": TEXT, "width": 16, "heads": 2, "knowledge_tokens": 12, "attribute_tokens": 8}


def tiny_stickers() -> StickerImages:
    """Eight stickers, two of each colour: the first of them is described, the second only named."""
    n = 2 * len(COLOURS)
    images = np.empty((n, SIDE, SIDE, 3), np.uint8)
    said = []
    for at in range(n):
        images[at] = COLOURS[at // 2]
        images[at, : 4 + 6 * (at % 2), :8] = 255
        told = Attributes(gesture=f"holds an {WORDS[at // 2]}", verbal="hi" if at % 4 else "")
        said.append(Annotations(name={"en": WORDS[at // 2]}, attributes=Attributes() if at % 2 else told))
    return StickerImages(
        ids=tuple(f"p/{at}" for at in range(n)),
        images=images,
        image_of=np.arange(n),
        topic=np.zeros(n, np.int64),
        emotion=np.arange(n) // 2 % len(EMOTIONS),
        sha256=tuple(f"{at:064x}" for at in range(n)),
        said=tuple(said),
    )


def tiny_data(count: int = 16, n_candidates: int = 4) -> RankingData:
    """Sample i means sticker i % 8 and says its colour's word; candidates are of other colours."""
    stickers = tiny_stickers()
    samples = []
    for at in range(count):
        row = at % len(stickers)
        colour = row // 2
        others = [f"p/{(row + 2 * step) % len(stickers)}" for step in range(1, n_candidates)]
        gold = at % n_candidates
        talk = Conversation(
            (
                Utterance("A", "what now"),
                Utterance("B", f"look at the {WORDS[colour]} {('yes', 'no')[at % 2]}"),
            ),
            inferences=Inferences(xWant=(f"to see the {WORDS[colour]}",)) if at % 3 == 0 else None,
        )
        sample = RankingSample(
            f"s{at}", talk, f"p/{row}", "p", (*others[:gold], f"p/{row}", *others[gold:]), gold,
            emotion=EMOTIONS[colour], intention=None if at % 5 == 4 else INTENTIONS[7 * colour],
        )  # fmt: skip
        samples.append(sample)
    return RankingData(samples, stickers)


def tiny_config(model: dict[str, Any] | None = None, **parts: Any) -> IntRAConfig:
    """Int-RA at toy sizes; `parts` replace whole tables."""
    defaults: dict[str, Any] = {
        "model": {**SHAPE, **(model or {})},
        "batch": {"size": 4},
        "train": {"epochs": 1, "lr": 1e-3, "device": "cpu"},
    }
    return IntRAConfig.model_validate({**defaults, **parts})


def with_gold_forgotten(data: RankingData) -> RankingData:
    """The same samples, each pretending that the sticker after the sent one was sent."""
    samples = []
    for sample in data.samples:
        gold = (sample.gold + 1) % len(sample.candidates)
        samples.append(replace(sample, sticker=str(sample.candidates[gold]), gold=gold))
    return replace(data, samples=samples)
