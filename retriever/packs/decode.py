"""One sticker's bytes to RGB frames, or a `BadImage` that says why not."""

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

from retriever.errors import BadImage
from retriever.packs.frames import on_white, pillow_frames, sample_indices, upright
from retriever.packs.limits import DEFAULT_LIMITS, Limits
from retriever.packs.quiet import quiet_pillow
from retriever.packs.sniff import READABLE, REFUSED_IMAGES, Kind, sniff
from retriever.packs.structure import Header, walk_gif, walk_jpeg, walk_png, walk_webp

if TYPE_CHECKING:
    from PIL.Image import Image

_NOT_IMAGES = {
    "html": "it is a web page",
    "text": "it is text",
    "zip": "it is a zip archive",
    "unknown": "its bytes are no known kind of image",
}
_FORMATS = {"png": "PNG", "apng": "PNG", "jpeg": "JPEG", "webp": "WEBP", "gif": "GIF"}


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """What is known of an image before its pixels are.

    Attributes:
        width, height: pixels of the canvas as stored (before any EXIF turn).
        n_frames: 1 for a still image.
        duration_ms: of one loop; 0 for a still image.
    """

    kind: Kind
    width: int
    height: int
    n_frames: int
    duration_ms: int


@dataclass(frozen=True, slots=True)
class DecodedImage:
    """An image ready for models.

    Attributes:
        frames: RGB on a white ground, 1 to ``Limits.max_sampled_frames`` of them, spread evenly over the
            animation from its first frame to its last (see `retriever.packs.frames.sample_indices`).
        kind: what the bytes are.
        width, height: pixels, as the frames have them.
        n_frames: how many frames the animation has; 1 for a still image.
        duration_ms: of one loop; 0 for a still image.
    """

    frames: "tuple[Image, ...]"
    kind: Kind
    width: int
    height: int
    n_frames: int
    duration_ms: int


def probe(data: bytes, limits: Limits = DEFAULT_LIMITS) -> ImageInfo:
    """Size, frames and duration without decoding a pixel; the file's structure is checked to its end.

    Raises:
        BadImage: the reasons of `decode`, as far as they can be seen without pixels.
    """
    kind = _kind_of(data, limits)
    with _as_bad_image(kind):
        header = _header(data, kind, limits)
    return ImageInfo(kind, header.width, header.height, header.n_frames, header.duration_ms)


def decode(data: bytes, limits: Limits = DEFAULT_LIMITS) -> DecodedImage:
    """Decode a still or animated image; every frame is verified, some are kept.

    Sizes are checked before pixels are decoded, so a small file that claims a huge image costs nothing.

    Args:
        data: the whole file.
        limits: what is too large.

    Raises:
        BadImage: and nothing else, whatever the bytes.
    """
    kind = _kind_of(data, limits)
    with _as_bad_image(kind):
        header = _header(data, kind, limits)
        wanted = sample_indices(header.n_frames, limits.max_sampled_frames)
        if kind in _FORMATS:
            frames = _decode_pillow(data, kind, header, wanted)
        elif kind == "tgs":
            from retriever.packs.lottie import decode_tgs

            frames = decode_tgs(data, header, wanted, limits)
        else:
            from retriever.packs.video import decode_webm

            frames = decode_webm(data, header, wanted, limits)
    width, height = frames[0].size
    return DecodedImage(frames, kind, width, height, header.n_frames, header.duration_ms)


def _kind_of(data: bytes, limits: Limits) -> Kind:
    if len(data) > limits.max_file_bytes:
        raise BadImage("too_large_file", f"{len(data)} bytes; at most {limits.max_file_bytes} are read")
    kind = sniff(data)
    if kind == "empty":
        raise BadImage("empty", "0 bytes")
    if kind in READABLE:
        return kind
    if kind in REFUSED_IMAGES:
        raise BadImage("unsupported_kind", f"it is {kind}; convert it to png, jpeg, webp or gif")
    raise BadImage("not_an_image", _NOT_IMAGES.get(kind, f"it is a {kind} file"))


def _header(data: bytes, kind: Kind, limits: Limits) -> Header:
    header = _WALKERS[kind](data, limits)
    width, height, frames = header.width, header.height, header.n_frames
    if width * height > limits.max_pixels:
        raise BadImage(
            "too_many_pixels", f"{width} x {height} pixels; at most {limits.max_pixels} are decoded"
        )
    if frames > limits.max_frames:
        raise BadImage("too_many_frames", f"more than {limits.max_frames} frames")
    if width * height * frames > limits.max_animation_pixels:
        raise BadImage(
            "too_many_pixels",
            f"{frames} frames of {width} x {height} pixels; at most {limits.max_animation_pixels} in all",
        )
    return header


def _walk_tgs(data: bytes, limits: Limits) -> Header:
    from retriever.packs.lottie import walk_tgs

    return walk_tgs(data, limits)


def _walk_webm(data: bytes, limits: Limits) -> Header:
    from retriever.packs.video import walk_webm

    return walk_webm(data, limits)


_WALKERS: dict[str, Callable[[bytes, Limits], Header]] = {
    "png": lambda data, _: walk_png(data),
    "apng": lambda data, _: walk_png(data),
    "jpeg": lambda data, _: walk_jpeg(data),
    "webp": lambda data, _: walk_webp(data),
    "gif": lambda data, limits: walk_gif(data, limits.max_frames),
    "tgs": _walk_tgs,
    "webm": _walk_webm,
}


def _decode_pillow(data: bytes, kind: Kind, header: Header, wanted: tuple[int, ...]) -> "tuple[Image, ...]":
    from PIL import Image as pil

    if kind == "webp":
        from PIL import WebPImagePlugin  # noqa: F401 - else Pillow loads all its plugins to find this one

    with quiet_pillow(), pil.open(BytesIO(data), formats=(_FORMATS[kind],)) as image:
        if image.size[0] * image.size[1] > header.width * header.height:
            raise BadImage("corrupt", f"two sizes: {image.size} and {(header.width, header.height)}")
        frames = pillow_frames(image, header.first_frame, wanted)
        if header.n_frames == 1:
            turned = upright(next(frames))
            return (on_white(turned, turned.size),)
        return tuple(on_white(frame, (header.width, header.height)) for frame in frames)


class _as_bad_image:
    """Turns whatever a decoder raises into BadImage; decoders raise almost anything on bad bytes."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind

    def __enter__(self) -> None:
        return None

    def __exit__(self, _type: object, error: BaseException | None, _traceback: object) -> None:
        if error is None or isinstance(error, BadImage) or not isinstance(error, Exception):
            return
        said = " ".join(str(error).split())[:200] or type(error).__name__
        if isinstance(error, MemoryError):
            raise BadImage("too_many_pixels", f"memory ran out while decoding the {self.kind}") from error
        reason = "truncated" if "truncated" in said else "corrupt"
        raise BadImage(reason, f"the {self.kind} does not decode: {said}") from error
