"""Baselines that train in seconds: drawn squares, conversations that name them, tiny models."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from retriever.packs.entry import Annotations
from retriever.types import Conversation, Utterance
from trainers.baselines.config import SETTINGS, BaselineSettings
from trainers.baselines.task import BaselineTask
from trainers.datasets.ranking import RankingData, RankingSample, StickerImages

SIDE = 32
COLOURS = {"red": (220, 20, 20), "green": (20, 200, 20), "blue": (20, 20, 220), "gold": (230, 200, 10)}
HATS = {"black": (0, 0, 0), "white": (255, 255, 255)}
EMOJI = ("😀", "😢")

VIT = {
    "model": "vit_tiny_patch16_224",
    "size": 16,
    "options": {"patch_size": 8, "embed_dim": 32, "depth": 1, "num_heads": 2},
}
RESNET = {
    "model": "resnet18",
    "size": 32,
    "options": {"layers": [1, 1, 1, 1], "channels": [8, 8, 16, 16], "stem_width": 8, "zero_init_last": False},
}
TEXT = {
    "kind": "bert",
    "layers": 1,
    "width": 32,
    "heads": 2,
    "ffn": 64,
    "dropout": 0.0,
    "max_tokens": 32,
    "vocabulary": 100,
}
WORDS = {**TEXT, "kind": "transformer", "max_tokens": 8, "segment": "spaces"}

MODELS: dict[str, dict[str, Any]] = {
    "clip": {"projection": 16, "turns": 1},
    "irra": {"projection": 16},
    "pcme": {"projection": 8, "samples": 3, "scale": 5.0, "shift": 5.0, "log_variance": -7.0},
    "lgur": {"width": 16, "heads": 2, "dictionary": 12, "prototypes": 2, "projection": 8},
    "srs": {
        "hidden": 8,
        "heads": 2,
        "layers": 1,
        "utterances": 3,
        "words": 6,
        "dropout": 0.0,
        "image": RESNET,
        "text": WORDS,
    },
    "mod_gpt": {},
}
LOSSES: dict[str, dict[str, Any]] = {"irra": {"layers": 1, "heads": 2}, "pcme": {"uniform": 0.1}}
FAMILIES = tuple(MODELS)


def tiny_stickers() -> StickerImages:
    """Eight stickers: four colours, each under a black and under a white hat."""
    names = [(colour, hat) for colour in COLOURS for hat in HATS]
    images = np.empty((len(names), SIDE, SIDE, 3), np.uint8)
    for at, (colour, hat) in enumerate(names):
        images[at, : SIDE // 2], images[at, SIDE // 2 :] = HATS[hat], COLOURS[colour]
    return StickerImages(
        ids=tuple(f"{colour}/{hat}" for colour, hat in names),
        images=images,
        image_of=np.arange(len(names)),
        topic=np.arange(len(names)) // 2,
        emotion=np.arange(len(names)) % 7,
        sha256=tuple(f"{at:064x}" for at in range(len(names))),
        said=tuple(Annotations(emoji=EMOJI[at % 2]) for at in range(len(names))),
    )


def tiny_data(count: int = 8) -> RankingData:
    """Sample i names sticker i; its candidates are four colours under either hat, the gold at place i % 4."""
    stickers = tiny_stickers()
    samples = []
    for at in range(count):
        id_ = stickers.ids[at % len(stickers)]
        colour, hat = id_.split("/")
        others = [f"{other}/{hat}" for other in COLOURS if other != colour]
        gold = at % 4
        said = (Utterance("A", "show me"), Utterance("B", f"{hat} hat {colour}"))
        samples.append(
            RankingSample(
                f"s{at}", Conversation(said), id_, colour, (*others[:gold], id_, *others[gold:]), gold
            )
        )
    return RankingData(samples, stickers)


def uneven(data: RankingData) -> RankingData:
    """The same samples, some with other numbers of candidates, blanks, and turns of other lengths."""
    samples = list(data.samples)
    samples[1] = replace(samples[1], candidates=(samples[1].sticker, None), gold=0)
    samples[2] = replace(samples[2], candidates=(*samples[2].candidates, "red/black"))
    long = Conversation.from_texts(*["and then the red one said something long to the others"] * 5, "no", "")
    samples[3] = replace(samples[3], conversation=long)
    return replace(data, samples=samples)


def tiny_settings(family: str, **parts: Any) -> BaselineSettings:
    """A family at toy sizes; `parts` replace whole tables, `losses` and `model` are merged."""
    shape = {"image": VIT, "text": TEXT, **MODELS[family], **parts.pop("model", {})}
    losses = {**LOSSES.get(family, {}), **parts.pop("losses", {})}
    tables: dict[str, Any] = {
        "batch": {"size": 8},
        "train": {"epochs": 1, "lr": 1e-3, "device": "cpu"},
        "crop": (0.95, 1.0),
        **parts,
    }
    return SETTINGS[family].model_validate({"model": shape, "losses": losses, **tables})


def tiny_task(
    family: str, work: Path | None = None, data: RankingData | None = None, **parts: Any
) -> BaselineTask:
    """A task over `data`, its own validation."""
    data = data or tiny_data()
    return BaselineTask(family, tiny_settings(family, **parts), data, data, work)
