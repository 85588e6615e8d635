"""The shipped pack is what the code draws, and what its rows say."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence

from retriever.labels import EMOTIONS, INTENTIONS
from retriever.starter import STARTER_PACK
from retriever.starter.catalogue import catalogue
from retriever.starter.draw.figure import draw_frames
from retriever.starter.draw.raster import paint_frames
from retriever.starter.rows import sticker_row

ROWS = [
    json.loads(line) for line in (STARTER_PACK / "stickers.jsonl").read_text(encoding="utf-8").splitlines()
]
KEYS = {
    "id", "image", "pack", "emoji", "emotion", "intention", "name", "keywords", "tags", "attributes",
    "description", "license",
}  # fmt: skip
STILLS = [spec for spec in catalogue() if not spec.motion]
ANIMATED = [row for row in ROWS if "animated" in row["tags"]]


def frames_of(path: Path) -> list[np.ndarray]:
    with Image.open(path) as image:
        return [np.asarray(frame.convert("RGBA")) for frame in ImageSequence.Iterator(image)]


def test_rows_are_the_catalogue() -> None:
    expected = [
        sticker_row(spec, spec.character, f"images/{spec.character}/{spec.slug}.{spec.container}")
        for spec in catalogue()
    ]
    assert expected == ROWS


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["id"])
def test_a_row_is_valid_and_its_image_is_there(row) -> None:
    assert set(row) == KEYS
    assert row["emotion"] in EMOTIONS and row["intention"] in INTENTIONS
    assert set(row["attributes"]) == {"gesture", "posture", "facial_expression", "verbal"}
    assert all(row["attributes"][key] for key in ("gesture", "posture", "facial_expression"))
    assert not any("{" in phrase for phrase in row["attributes"].values())
    assert row["license"] == "Apache-2.0"
    with Image.open(STARTER_PACK / row["image"]) as image:
        assert image.size == (256, 256)


def test_ids_and_images_are_unique_and_nothing_else_lies_there() -> None:
    assert len({row["id"] for row in ROWS}) == len(ROWS) >= 96
    files = {path.relative_to(STARTER_PACK).as_posix() for path in STARTER_PACK.rglob("*") if path.is_file()}
    assert files == {row["image"] for row in ROWS} | {"stickers.jsonl"}
    digests = {hashlib.sha256((STARTER_PACK / row["image"]).read_bytes()).hexdigest() for row in ROWS}
    assert len(digests) == len(ROWS)


def test_the_pack_is_small_enough_to_ship() -> None:
    assert sum(path.stat().st_size for path in STARTER_PACK.rglob("*") if path.is_file()) < 3 * 2**20


@pytest.mark.parametrize(
    "spec", [spec for spec in catalogue() if not spec.motion][::6], ids=lambda spec: spec.slug
)
def test_a_fresh_drawing_is_the_shipped_image(spec) -> None:
    """Stills are lossless: only the rasteriser of another Pillow could move a pixel, and then hardly."""
    fresh = np.asarray(paint_frames(draw_frames(spec), 256, 4)[0]).astype(int)
    (shipped,) = frames_of(STARTER_PACK / f"images/{spec.character}/{spec.slug}.webp")
    seen = fresh[..., 3:] > 0  # colours under full transparency are not kept
    assert np.abs(fresh * seen - shipped * seen).mean() < 0.2


@pytest.mark.parametrize("row", ANIMATED, ids=lambda row: row["id"])
def test_an_animated_sticker_moves_and_loops(row) -> None:
    path = STARTER_PACK / row["image"]
    with Image.open(path) as image:
        assert image.format == {".gif": "GIF", ".webp": "WEBP", ".png": "PNG"}[path.suffix]
        assert 8 <= image.n_frames <= 12
        assert image.info.get("loop", 0) == 0
    frames = frames_of(path)
    assert len({frame.tobytes() for frame in frames}) >= 5
    assert all(frame[0, 0, 3] == 0 and frame[-1, -1, 3] == 0 for frame in frames)
    step = [np.abs(a.astype(int) - b).mean() for a, b in zip(frames, frames[1:] + frames[:1], strict=True)]
    assert step[-1] <= 1.6 * max(step[:-1]), (
        "the last frame leads back to the first as smoothly as the others go on"
    )
