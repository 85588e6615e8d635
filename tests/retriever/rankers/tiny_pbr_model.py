"""An untrained PBR of a few thousand weights, and stickers drawn into files."""

from pathlib import Path
from typing import Any

import torch
from PIL import Image, ImageDraw

from retriever.rankers.parts.pieces import Pieces, WordPieces, Words
from retriever.rankers.parts.tokens import ConversationTokens
from retriever.rankers.pbr.config import PBRModelConfig
from retriever.rankers.pbr.model import PBRModel
from retriever.rankers.pbr.ranker import PBRRanker
from retriever.types import Sticker

TEXTS = ("hello there", "this is a happy cat", "我 很 开心", "so sad today, really")

IMAGE = {
    "model": "vit_tiny_patch16_224",
    "size": 16,
    "options": {"patch_size": 4, "embed_dim": 24, "depth": 1, "num_heads": 2},
}
TEXT = {"kind": "bert", "layers": 1, "width": 32, "heads": 2, "ffn": 48, "max_tokens": 40}


def tiny_ranker(seed: int = 0, **parts: Any) -> PBRRanker:
    """A ranker whose weights are spread widely, so that differences show in its scores."""
    shape = {"image": IMAGE, "text": TEXT, "fusion": {"layers": 2}, "projection": 8, **parts}
    config = PBRModelConfig.model_validate(shape)
    pieces: Pieces = (
        WordPieces.learn(TEXTS, 80) if config.text.kind == "bert" else Words.learn(TEXTS, 80, "jieba")
    )
    torch.manual_seed(seed)
    model = PBRModel(config, pieces.size)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim > 1 and not name.startswith("image."):
                parameter.mul_(3)
    return PBRRanker(model, ConversationTokens(pieces, config.text), device="cpu")


def draw_stickers(folder: Path, count: int = 5) -> list[Sticker]:
    """Pictures of different shapes and sides, one of them half transparent, one animated."""
    stickers = []
    for at in range(count):
        image = Image.new("RGBA", (20 + 7 * at, 30), (255, 255, 255, 0 if at == 1 else 255))
        draw = ImageDraw.Draw(image)
        draw.ellipse((2, 2, 12 + 3 * at, 20), fill=(40 * at % 256, 255 - 40 * at, 90, 255))
        path = folder / f"{at}.{'gif' if at == 2 else 'png'}"
        if at == 2:
            frames = [image.rotate(30 * turn) for turn in range(3)]
            frames[0].save(path, save_all=True, append_images=frames[1:], duration=50)
        else:
            image.save(path)
        stickers.append(Sticker(id=f"pack/{at}", pack="pack", sha256=f"{at:064x}", path=str(path)))
    return stickers
