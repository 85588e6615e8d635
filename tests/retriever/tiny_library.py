"""A tiny real pack and tiny real encoders: drawn and computed on the spot, always the same."""

import io
import json
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from retriever.encoders import registry
from retriever.encoders.base import EncoderSpec, Vectors

FEELINGS = (
    ("开心", "happy", "joy"), ("难过", "sad", "sadness"), ("生气", "angry", "anger"),
    ("害怕", "afraid", "fear"), ("惊讶", "surprised", "surprise"), ("加油", "cheer up", "admiration"),
    ("谢谢", "thank you", "gratitude"),
    ("晚安", "good night", "caring"), ("吃饭", "dinner time", "desire"), ("再见", "goodbye", "sadness"),
)  # fmt: skip
CREATURES = (
    ("猫", "cat"),
    ("狗", "dog"),
    ("兔子", "rabbit"),
    ("熊", "bear"),
    ("青蛙", "frog"),
    ("企鹅", "penguin"),
)


def draw(seed: int, size: int = 32) -> bytes:
    """A PNG of two shapes; each seed draws another picture."""
    rng = np.random.default_rng(seed)
    image = Image.new("RGB", (size, size), tuple(int(v) for v in rng.integers(0, 256, 3)))
    pen = ImageDraw.Draw(image)
    for shape in (pen.ellipse, pen.rectangle):
        x, y, width, height = (int(v) for v in rng.integers(2, size // 2, 4))
        shape((x, y, x + width, y + height), fill=tuple(int(v) for v in rng.integers(0, 256, 3)))
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def row(number: int, **fields: Any) -> dict[str, Any]:
    """The native row of sticker `number`, with names and keywords in two languages."""
    zh, en, intention = FEELINGS[number % len(FEELINGS)]
    zh_who, en_who = CREATURES[number // len(FEELINGS) % len(CREATURES)]
    return {
        "id": f"tiny/{number:04d}",
        "pack": f"tiny-{en_who}",
        "image": f"images/{number:04d}.png",
        "name": {"zh": f"{zh}的{zh_who}{number}", "en": f"{en} {en_who} {number}"},
        "keywords": {"zh": [zh, zh_who], "en": [en, en_who]},
        "emotion": "happiness" if intention == "joy" else None,
        "intention": intention,
        "tags": [en_who],
    } | fields


class TinyPack:
    """A native pack whose rows and images a test may change; `write` puts the rows on the disk."""

    def __init__(self, folder: Path, count: int = 0) -> None:
        self.folder = folder
        (folder / "images").mkdir(parents=True)
        self.rows: dict[str, dict[str, Any]] = {}
        for number in range(count):
            self.add(number)
        self.write()

    def add(self, number: int, seed: int | None = None, **fields: Any) -> str:
        value = row(number, **fields)
        self.image(value, draw(number if seed is None else seed))
        self.rows[value["id"]] = value
        return str(value["id"])

    def image(self, value: dict[str, Any], data: bytes) -> None:
        (self.folder / value["image"]).write_bytes(data)

    def write(self) -> Path:
        lines = [json.dumps(value, ensure_ascii=False) + "\n" for value in self.rows.values()]
        (self.folder / "stickers.jsonl").write_text("".join(lines), encoding="utf-8")
        return self.folder


class _Counted:
    """Counts what it encodes, so that a test can say that nothing was."""

    encoded = 0

    def __init__(self, name: str, dimension: int, side: Any) -> None:
        self.spec = EncoderSpec(name, f"{name}@1", dimension, side, preprocessing="tiny")

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        return np.stack([hashed(text, self.spec.dimension) for text in texts])


class Trigrams(_Counted):
    """Document-sided: hashed character trigrams."""

    def encode_documents(self, texts: Sequence[str]) -> Vectors:
        type(self).encoded += len(texts)
        return self.encode_queries(texts)


class Thumbnails(_Counted):
    """Image-sided: a 4 x 4 thumbnail's colours."""

    def encode_images(self, images: Sequence[Sequence[Image.Image]]) -> Vectors:
        type(self).encoded += len(images)
        return np.stack([unit(np.mean([colours(frame) for frame in frames], axis=0)) for frames in images])


def hashed(text: str, dimension: int) -> Vectors:
    vector = np.zeros(dimension)
    vector[0] = 0.1  # an empty text has a vector like any other
    padded = f"  {text.lower()} "
    for i in range(len(padded) - 2):
        vector[zlib.crc32(padded[i : i + 3].encode()) % dimension] += 1
    return unit(vector)


def colours(frame: Image.Image) -> Vectors:
    small = frame.convert("RGB").resize((4, 4), Image.Resampling.BOX)
    return unit(np.asarray(small, dtype=np.float64).ravel() / 255 - 0.4)


def unit(vector: Any) -> Vectors:
    return np.asarray(vector / np.linalg.norm(vector), dtype=np.float32)


def register() -> None:
    """Make ``tiny-text`` and ``tiny-image`` known to `load_encoder`; harmless when done before."""
    if "tiny-text" not in registry.encoder_schemes():
        registry.register("tiny-text", lambda request: Trigrams(request.name, 64, "document"))
        registry.register("tiny-image", lambda request: Thumbnails(request.name, 48, "image"))
