"""Telegram's .tgs: a gzipped Lottie animation, drawn by rlottie (extra ``animated``)."""

import zlib
from json import loads
from typing import TYPE_CHECKING, Any

from retriever.errors import BadImage, MissingExtra
from retriever.extras import require
from retriever.packs.limits import Limits
from retriever.packs.structure.header import Header, corrupt, truncated

if TYPE_CHECKING:
    from PIL.Image import Image

_LARGEST_NUMBER = 1e5  # on a canvas of 512 pixels


def walk_tgs(data: bytes, limits: Limits) -> Header:
    """Size, frames and duration from the animation's own JSON.

    Raises:
        BadImage: ``truncated``, ``corrupt`` or ``too_large_file`` (unpacks to more than is allowed).
    """
    scene = _scene(unpack_tgs(data, limits))
    first, last, rate = (_number(scene, key) for key in ("ip", "op", "fr"))
    frames = round(last - first)
    if frames < 1 or not 0 < rate <= 1000:
        corrupt(f"frames {first:g} to {last:g} at {rate:g} a second")
    return Header(round(_number(scene, "w")), round(_number(scene, "h")), frames, round(1000 * frames / rate))


def decode_tgs(data: bytes, header: Header, wanted: tuple[int, ...], limits: Limits) -> "tuple[Image, ...]":
    """Draw the wanted frames.

    Raises:
        BadImage: ``needs_extra``, or ``corrupt`` where the renderer finds another animation than the header.
    """
    try:
        rlottie = require("rlottie_python", "animated", "reading tgs stickers")
    except MissingExtra as error:
        raise BadImage("needs_extra", str(error)) from error
    text = unpack_tgs(data, limits).decode("utf-8")
    with rlottie.LottieAnimation.from_data(text) as animation:
        size = tuple(animation.lottie_animation_get_size())
        frames = int(animation.lottie_animation_get_totalframe())
        # Broken scenes come back as 0 frames of 0 x 0 pixels, and frame numbers past the end are drawn empty.
        if size != (header.width, header.height) or frames <= wanted[-1]:
            corrupt(f"draws {frames} frames of {size[0]} x {size[1]}; its header says {header.n_frames}")
        return tuple(_on_white(animation.render_pillow_frame(frame_num=index)) for index in wanted)


def _on_white(image: "Image") -> "Image":
    """RGB on white from rlottie's pixels, whose colours are multiplied by their alpha already."""
    from PIL import Image as pil
    from PIL import ImageChops

    *colours, alpha = image.split()
    return ImageChops.add(pil.merge("RGB", colours), pil.merge("RGB", [ImageChops.invert(alpha)] * 3))


def unpack_tgs(data: bytes, limits: Limits) -> bytes:
    """The JSON inside, never more than ``limits.max_unpacked_bytes`` of it."""
    unpacker = zlib.decompressobj(wbits=31)
    try:
        text = unpacker.decompress(data, limits.max_unpacked_bytes)
    except zlib.error as error:
        corrupt(f"does not unpack: {error}")
    if not unpacker.eof:
        if unpacker.unconsumed_tail:
            raise BadImage("too_large_file", f"unpacks to more than {limits.max_unpacked_bytes} bytes")
        truncated(f"ends at byte {len(data)} inside its packed data")
    return text


def _scene(text: bytes) -> dict[str, Any]:
    try:
        scene = loads(text, parse_int=_bounded, parse_float=_bounded, parse_constant=_bounded)
    except (ValueError, RecursionError) as error:
        corrupt(f"its JSON does not parse: {error}")
    if not isinstance(scene, dict) or not isinstance(scene.get("layers"), list):
        corrupt("JSON, but not a Lottie animation: no list of layers")
    return scene


def _bounded(written: str) -> float:
    """A number of the scene; a shape a billion pixels wide keeps the renderer busy for seconds a frame."""
    value = float(written)
    if not -_LARGEST_NUMBER <= value <= _LARGEST_NUMBER:
        raise ValueError(f"it holds the number {written[:40]}; at most {_LARGEST_NUMBER:g} is drawn")
    return value


def _number(scene: dict[str, Any], key: str) -> float:
    value = scene.get(key)
    if not isinstance(value, float):
        corrupt(f"{key!r} is {value!r:.40}; expected a number")
    return value
