"""Video stickers: VP8/VP9 in WebM, decoded by FFmpeg through PyAV (extra ``animated``)."""

from collections.abc import Iterator
from io import BytesIO
from types import ModuleType
from typing import TYPE_CHECKING, Any

from retriever.errors import BadImage, MissingExtra
from retriever.extras import require
from retriever.packs.frames import on_white
from retriever.packs.limits import Limits
from retriever.packs.structure.ebml import check_whole
from retriever.packs.structure.header import Header, corrupt

if TYPE_CHECKING:
    from PIL.Image import Image

# FFmpeg's own VP8/VP9 decoders drop the alpha plane and leave a black ground; libvpx keeps it.
_ALPHA_DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}


def walk_webm(data: bytes, limits: Limits) -> Header:
    """Size, frames and duration from the container, counting packets without decoding them.

    Raises:
        BadImage: ``needs_extra``, ``truncated`` or ``corrupt``.
    """
    check_whole(data)
    av = _av()
    with _open(av, data) as container:
        stream = _video_stream(container)
        packets, end = 0, 0
        for packet in container.demux(stream):
            if packet.size:
                packets += 1
                end = max(end, (packet.pts or 0) + (packet.duration or 0))
            if packets > limits.max_frames:
                break
        if not packets:
            corrupt("no video frames in it")
        duration = float(end * stream.time_base) if stream.time_base else 0.0
        context = stream.codec_context
        return Header(context.width, context.height, packets, round(1000 * duration) if packets > 1 else 0)


def decode_webm(data: bytes, header: Header, wanted: tuple[int, ...], limits: Limits) -> "tuple[Image, ...]":
    """Decode all frames and keep the wanted ones.

    Raises:
        BadImage: ``needs_extra`` or ``corrupt`` (fewer frames decode than there are packets).
    """
    av = _av()
    keep, kept, seen = set(wanted), [], 0
    with _open(av, data) as container:
        for frame in _decode_frames(av, container, limits):
            if frame.width * frame.height > limits.max_pixels:
                raise BadImage("too_many_pixels", f"a frame of {frame.width} x {frame.height} pixels")
            if seen in keep:
                kept.append(on_white(_to_image(frame), (header.width, header.height)))
            seen += 1
    if seen < header.n_frames:
        corrupt(f"{seen} frames decode where the container has {header.n_frames}")
    return tuple(kept)


def _av() -> ModuleType:
    try:
        av = require("av", "animated", "reading webm stickers")
    except MissingExtra as error:
        raise BadImage("needs_extra", str(error)) from error
    av.logging.set_level(None)
    return av


def _open(av: ModuleType, data: bytes) -> Any:
    return av.open(BytesIO(data), format="matroska", metadata_errors="replace")


def _video_stream(container: Any) -> Any:
    if not container.streams.video:
        corrupt("no video stream in it")
    return container.streams.video[0]


def _decode_frames(av: ModuleType, container: Any, limits: Limits) -> Iterator[Any]:
    stream = _video_stream(container)
    name = stream.codec_context.name
    decoder = av.CodecContext.create(_ALPHA_DECODERS.get(name, name), "r")
    decoder.extradata = stream.codec_context.extradata
    decoder.options = {"max_pixels": str(limits.max_pixels)}
    for packet in container.demux(stream):
        if packet.size:
            yield from decoder.decode(packet)
    yield from decoder.decode(None)


def _to_image(frame: Any) -> "Image":
    from PIL import Image as pil

    return pil.fromarray(frame.to_ndarray(format="rgba"))
