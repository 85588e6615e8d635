"""Stickers as bytes: WebP, GIF or APNG."""

from __future__ import annotations

import io
from collections.abc import Sequence

from PIL import Image

from retriever.starter.draw.motion import FRAME_MS

__all__ = ["SUFFIX", "encode"]

SUFFIX = {"webp": "webp", "gif": "gif", "png": "png"}


def encode(frames: Sequence[Image.Image], container: str, effort: int = 6) -> bytes:
    """The frames, each RGBA of one size, as one file; several loop for ever at `FRAME_MS` a frame.

    Args:
        container: webp (lossless: flat colours pack well), gif (255 colours and one-bit alpha) or png.
        effort: 0 (fast) to 6 (small), of the WebP encoder.
    """
    out = io.BytesIO()
    if container == "webp":
        _webp(frames, out, effort)
    elif container == "gif":
        _gif(frames, out)
    else:
        _png(frames, out)
    return out.getvalue()


def _webp(frames: Sequence[Image.Image], out: io.BytesIO, effort: int) -> None:
    """Lossless: on flat colours it is both smaller and sharper than the lossy coder."""
    if len(frames) == 1:
        frames[0].save(out, "WEBP", lossless=True, quality=60 if effort > 2 else 0, method=effort)
        return
    first, *rest = _reduced(frames)
    first.save(out, "WEBP", save_all=True, append_images=rest, duration=FRAME_MS, loop=0, lossless=True,
               quality=60, method=effort)  # fmt: skip


def _reduced(frames: Sequence[Image.Image]) -> list[Image.Image]:
    """The frames in 255 colours with soft alpha, which halves lossless animations."""
    return [
        frame.quantize(255, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).convert("RGBA")
        for frame in frames
    ]


def _gif(frames: Sequence[Image.Image], out: io.BytesIO) -> None:
    """One palette for all frames, so that colours do not flicker; index 255 is see-through."""
    solid = [_on_white_edge(frame) for frame in frames]
    wide = Image.new("RGB", (frames[0].width * len(frames), frames[0].height))
    for i, frame in enumerate(solid):
        wide.paste(frame.convert("RGB"), (i * frames[0].width, 0))
    palette = wide.quantize(255, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    indexed = []
    for frame in solid:
        image = frame.convert("RGB").quantize(palette=palette, dither=Image.Dither.NONE)
        image.paste(255, mask=frame.getchannel("A").point([255] * 128 + [0] * 128))
        indexed.append(image)
    indexed[0].save(
        out, "GIF", save_all=True, append_images=indexed[1:], duration=FRAME_MS, loop=0, disposal=2,
        transparency=255, optimize=False,
    )  # fmt: skip


def _on_white_edge(frame: Image.Image) -> Image.Image:
    """`frame` with half-transparent edges put on white, as one-bit alpha needs."""
    white = Image.new("RGBA", frame.size, (255, 255, 255, 0))
    white.alpha_composite(frame)
    white.putalpha(frame.getchannel("A"))
    return white


def _png(frames: Sequence[Image.Image], out: io.BytesIO) -> None:
    if len(frames) == 1:
        frames[0].save(out, "PNG", optimize=True)
        return
    size = frames[0].size
    strip = Image.new("RGBA", (size[0] * len(frames), size[1]))
    for i, frame in enumerate(frames):
        strip.paste(frame, (i * size[0], 0))
    few = strip.quantize(255, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    first, *rest = [few.crop((i * size[0], 0, (i + 1) * size[0], size[1])) for i in range(len(frames))]
    first.save(out, "PNG", save_all=True, append_images=rest, duration=FRAME_MS, loop=0, disposal=0, blend=0)
