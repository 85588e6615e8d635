"""A sticker looks the same to training, out of the pixel cache, and to the ranker, out of its file."""

from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from PIL import Image, ImageDraw

from retriever.rankers.parts.pixels import sticker_pixels
from retriever.types import Sticker
from trainers.images import cache_images, file_source


@pytest.mark.parametrize("fit", ["pad", "stretch", "crop"])
def test_cached_and_fresh_pixels_are_equal(tmp_path: Path, fit: Literal["pad", "stretch", "crop"]) -> None:
    frames = []
    for turn in range(3):
        image = Image.new("RGBA", (50, 31), (0, 0, 0, 0))
        ImageDraw.Draw(image).ellipse((5 + 9 * turn, 3, 25 + 9 * turn, 28), fill=(200, 40 * turn, 9, 255))
        frames.append(image)
    frames[0].save(tmp_path / "still.png")
    frames[0].save(tmp_path / "moving.webp", save_all=True, append_images=frames[1:], lossless=True)
    paths = [tmp_path / "still.png", tmp_path / "moving.webp"]
    cached = cache_images(
        [file_source(path, path.name, "p") for path in paths], tmp_path / "c", 24, fit, False
    )
    stickers = [Sticker(id=path.name, pack="p", sha256="", path=str(path)) for path in paths]
    fresh = sticker_pixels(stickers, 24, fit)
    assert np.array_equal(cached.images[cached.image_of], fresh)
    assert not np.array_equal(fresh[0], fresh[1])
