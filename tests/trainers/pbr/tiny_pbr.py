"""A PBR that trains in seconds: drawn squares, conversations that name them, a made-up teacher."""

from typing import Any

import numpy as np

from retriever.labels import EMOTIONS
from retriever.rankers.pbr.config import PBRModelConfig
from retriever.types import Conversation, Utterance
from trainers.datasets.ranking import RankingData, RankingSample, StickerImages, TeacherOutputs
from trainers.pbr.config import PBRConfig

SIDE, CLUSTERS = 16, 2
COLOURS = {"red": (220, 20, 20), "green": (20, 200, 20), "blue": (20, 20, 220), "gold": (230, 200, 10)}
HATS = {"black": (0, 0, 0), "pink": (250, 150, 200), "cyan": (0, 230, 230), "brown": (110, 60, 20)}
FEELINGS = ("I am so happy", "this is terrible", "我好开心啊", "我很难过")

IMAGE = {
    "model": "vit_tiny_patch16_224",
    "size": SIDE,
    "options": {"patch_size": 4, "embed_dim": 32, "depth": 1, "num_heads": 2},
}
TEXT = {"kind": "bert", "layers": 1, "width": 32, "heads": 2, "ffn": 64, "max_tokens": 32, "vocabulary": 200}


def draw_sticker(colour: str, hat: str) -> np.ndarray:
    """A square of one colour under a hat of another."""
    pixels = np.empty((SIDE, SIDE, 3), np.uint8)
    pixels[: SIDE // 2], pixels[SIDE // 2 :] = HATS[hat], COLOURS[colour]
    return pixels


def tiny_stickers() -> StickerImages:
    """Four packs (colours) of four stickers (hats)."""
    names = [(colour, hat) for colour in COLOURS for hat in HATS]
    n = len(names)
    return StickerImages(
        ids=tuple(f"{colour}/{hat}" for colour, hat in names),
        images=np.stack([draw_sticker(*name) for name in names]),
        image_of=np.arange(n),
        topic=np.arange(n) // len(HATS),
        emotion=np.arange(n) % len(EMOTIONS),
        sha256=tuple(f"{at:064x}" for at in range(n)),
    )


def tiny_teacher(n: int = 16, clusters: int = CLUSTERS, seed: int = 3) -> TeacherOutputs:
    """What a teacher with features of width 8 might say."""
    rng = np.random.default_rng(seed)
    anchors, logits, features = (
        rng.normal(size=(n, width)).astype(np.float32) for width in (7 * clusters, 7, 8)
    )
    return TeacherOutputs(anchors, logits, features)


def tiny_data(count: int = 16, teacher: bool = True, n_candidates: int = 4) -> RankingData:
    """Sample i names sticker i; its candidates are its pack, the gold at place i % n_candidates."""
    stickers = tiny_stickers()
    samples = []
    for at in range(count):
        id_ = stickers.ids[at % len(stickers)]
        colour, hat = id_.split("/")
        pack = [other for other in stickers.ids if other.startswith(f"{colour}/")]
        others = [other for other in pack if other != id_][: n_candidates - 1]
        gold = at % n_candidates
        said = (Utterance("A", FEELINGS[at % 4]), Utterance("B", f"a {hat} hat on the {colour} one"))
        candidates = (*others[:gold], id_, *others[gold:])
        samples.append(
            RankingSample(f"s{at}", Conversation(said), id_, colour, candidates=candidates, gold=gold)
        )
    return RankingData(samples, stickers, teacher=tiny_teacher() if teacher else None)


def tiny_config(model: dict[str, Any] | None = None, **parts: Any) -> PBRConfig:
    """The full PBR at toy sizes; `parts` replace whole tables, `losses` is merged."""
    losses = {
        "distillation": {"clusters": CLUSTERS},
        "contrast": {"hidden": 32, "width": 16},
        **parts.pop("losses", {}),
    }
    shape = {"image": IMAGE, "text": TEXT, "fusion": {"layers": 2}, "projection": 16, **(model or {})}
    defaults: dict[str, Any] = {
        "batch": {"size": 4},
        "train": {"epochs": 1, "lr": 1e-3, "device": "cpu"},
    }
    return PBRConfig.model_validate(
        {"model": PBRModelConfig.model_validate(shape).model_dump(), "losses": losses, **defaults, **parts}
    )
