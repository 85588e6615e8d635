"""Stickers drawn on the spot: still and animated, each unlike the others."""

import hashlib
from pathlib import Path

from PIL import Image, ImageDraw

from retriever.types import Sticker


def drawn(number: int, size: int = 128, words: str = "") -> Image.Image:
    """A face in a colour of its own, with `words` under it."""
    image = Image.new("RGBA", (size, size), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    colour = (40 + 37 * number % 200, 60 + 71 * number % 190, 50 + 13 * number % 200, 255)
    draw.ellipse((8, 8, size - 8, size - 8), fill=colour)
    draw.rectangle((size // 4, size // 3, size // 4 + 6 + number % 9, size // 3 + 6), fill="black")
    if words:
        draw.text((4, size - 16), words, fill="red")
    return image


def saved(folder: Path, number: int, frames: int = 1, size: int = 128, words: str = "") -> Sticker:
    """A sticker whose image lies in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{number}.{'png' if frames == 1 else 'gif'}"
    first, *rest = [drawn(number + 50 * frame, size, words).convert("RGB") for frame in range(frames)]
    first.save(path, save_all=frames > 1, append_images=rest, duration=80)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Sticker(id=f"pack/{number}", pack="pack", sha256=digest, path=str(path), n_frames=frames)
