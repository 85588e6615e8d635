"""An untrained Int-RA of a few thousand weights, drawn stickers with attributes, talks with inferences."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from tiny_pbr_model import draw_stickers

from retriever.rankers.int_ra.config import IntRAModelConfig
from retriever.rankers.int_ra.model import IntRAModel
from retriever.rankers.int_ra.ranker import IntRARanker
from retriever.rankers.int_ra.tokens import IntRATokens
from retriever.rankers.parts.pieces import WordPieces
from retriever.types import Attributes, Conversation, Inferences, Sticker

TEXTS = ("hello there", "this is a happy cat", "我 很 开心", "so sad today", "waving sitting wide grin joy")

IMAGE = {
    "model": "vit_tiny_patch16_224",
    "size": 16,
    "options": {"patch_size": 4, "embed_dim": 24, "depth": 1, "num_heads": 2},
}
TEXT = {"kind": "bert", "layers": 1, "width": 32, "heads": 2, "ffn": 48, "max_tokens": 40}
SHAPE = {"image": IMAGE, "text": TEXT, "width": 16, "heads": 2, "knowledge_tokens": 12, "attribute_tokens": 8}

KNOWN = Inferences(xIntent=("to cheer", "to grin"), xReact=("happy",))


def tiny_int_ra(seed: int = 0, **parts: Any) -> IntRARanker:
    """A ranker whose weights are spread widely, so that differences show in its scores."""
    config = IntRAModelConfig.model_validate({**SHAPE, **parts})
    tokens = IntRATokens(WordPieces.learn([*TEXTS, *config.label_names], 160), config)
    torch.manual_seed(seed)
    model = IntRAModel(config, tokens.pieces.size, tokens.labels())
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim > 1 and not name.startswith("image."):
                parameter.mul_(4)
    return IntRARanker(model, tokens, device="cpu")


def told_stickers(folder: Path, count: int = 5) -> list[Sticker]:
    """Drawn stickers: the first has all four attributes, the second two, the others a name alone."""
    stickers = draw_stickers(folder, count)
    texts = [Attributes("waving", "sitting", "wide grin", "hello"), Attributes(gesture="a cat", verbal="sad")]
    return [
        replace(sticker, attributes=texts[at] if at < 2 else Attributes(), name={"en": f"happy cat {at}"})
        for at, sticker in enumerate(stickers)
    ]


def talk(*texts: str, known: Inferences | None = None) -> Conversation:
    """A conversation with what was inferred of it."""
    return replace(Conversation.from_texts(*texts), inferences=known)
