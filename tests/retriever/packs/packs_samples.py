"""Small real images of every kind, made on the spot, and ways to damage them."""

import gzip
import json
import struct
import zlib
from functools import cache
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

SIZE = (96, 80)
N_FRAMES = 8

LOTTIE: dict[str, Any] = {
    "tgs": 1, "v": "5.5.2", "fr": 60, "ip": 0, "op": 60, "w": 512, "h": 512,
    "layers": [{
        "ty": 4, "ip": 0, "op": 60, "st": 0, "ks": {"p": {"a": 0, "k": [256, 256]}},
        "shapes": [{"ty": "gr", "it": [
            {"ty": "el", "p": {"a": 0, "k": [0, 0]}, "s": {"a": 0, "k": [120, 120]}},
            {"ty": "fl", "c": {"a": 0, "k": [1, 0, 0, 1]}, "o": {"a": 0, "k": 100}},
            {"ty": "tr", "p": {"a": 0, "k": [0, 0]}, "a": {"a": 0, "k": [0, 0]},
             "s": {"a": 0, "k": [100, 100]}, "r": {"a": 0, "k": 0}, "o": {"a": 0, "k": 100}},
        ]}],
    }],
}  # fmt: skip


def frame(index: int = 0) -> Image.Image:
    """A disc on transparent ground, 8 pixels further to the right with every frame."""
    image = Image.new("RGBA", SIZE, (0, 0, 0, 0))
    ImageDraw.Draw(image).ellipse((5 + index * 8, 10, 35 + index * 8, 40), fill=(200, 60, 60, 255))
    return image


def saved(form: str, n_frames: int = 1, **options: Any) -> bytes:
    frames = [frame(i) if form != "JPEG" else frame(i).convert("RGB") for i in range(n_frames)]
    more = {"save_all": True, "append_images": frames[1:], "duration": 50} if n_frames > 1 else {}
    buffer = BytesIO()
    frames[0].save(buffer, form, **more, **options)
    return buffer.getvalue()


def tgs(scene: Any = None) -> bytes:
    return gzip.compress(json.dumps(LOTTIE if scene is None else scene).encode(), mtime=0)


@cache
def webm() -> bytes:
    import av

    buffer = BytesIO()
    with av.open(buffer, "w", format="webm") as container:
        stream = container.add_stream("libvpx-vp9", rate=20)
        stream.width, stream.height = SIZE
        stream.pix_fmt = "yuva420p"
        for index in range(N_FRAMES):
            picture = av.VideoFrame.from_ndarray(np.asarray(frame(index)), format="rgba")
            container.mux(stream.encode(picture.reformat(format="yuva420p")))
        container.mux(stream.encode())
    return buffer.getvalue()


@cache
def samples() -> dict[str, bytes]:
    """Name -> bytes; the name begins with the kind."""
    return {
        "png": saved("PNG"),
        "apng": saved("PNG", N_FRAMES),
        "jpeg": saved("JPEG"),
        "webp": saved("WEBP"),
        "webp lossless": saved("WEBP", lossless=True),
        "webp animated": saved("WEBP", N_FRAMES),
        "gif": saved("GIF"),
        "gif animated": saved("GIF", N_FRAMES, disposal=2),
        "tgs": tgs(),
        "webm": webm(),
    }


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png_claiming(width: int, height: int) -> bytes:
    """A valid little PNG whose header asks for `width` x `height` pixels of RGBA."""
    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    data = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + data


def with_right_checksums(png: bytes) -> bytes:
    """`png` with every chunk's checksum made right again, so that damage gets past that check."""
    out, position = png[:8], 8
    while position + 12 <= len(png):
        length = int.from_bytes(png[position : position + 4])
        if position + 12 + length > len(png):
            break
        out += chunk(png[position + 4 : position + 8], png[position + 8 : position + 8 + length])
        position += 12 + length
    return out + png[position:]
