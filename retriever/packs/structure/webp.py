"""WebP chunks (RFC 9649)."""

from collections.abc import Iterator

from retriever.packs.structure.header import Header, corrupt, truncated

_RIFF_HEADER = 12
_ANIMATION_FLAG = 0x02


def walk_webp(data: bytes) -> Header:
    """Follow the chunks of a WebP file to the length its RIFF header promises.

    Raises:
        BadImage: ``truncated`` or ``corrupt``.
    """
    end = _little(data[4:8]) + 8
    if end > len(data):
        truncated(f"the header promises {end} bytes, the file has {len(data)}")
    width = height = frames = duration = 0
    animated = has_image = False
    for name, start, length in _chunks(data, end):
        if name == b"VP8X":
            width, height = (
                _little(data[start + 4 : start + 7]) + 1,
                _little(data[start + 7 : start + 10]) + 1,
            )
            animated = bool(data[start] & _ANIMATION_FLAG) if length else False
        elif name == b"ANMF":
            frames += 1
            duration += _little(data[start + 12 : start + 15])
        elif name in (b"VP8 ", b"VP8L"):
            has_image = True
            if not width:
                width, height = _bitstream_size(name, data[start : start + 10])
    if not width or not height:
        corrupt("no image size in it")
    if not (frames if animated else has_image):
        corrupt("no image data")
    return Header(width, height, frames, duration if frames > 1 else 0) if animated else Header(width, height)


def _little(data: bytes) -> int:
    return int.from_bytes(data, "little")


def _chunks(data: bytes, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield (name, where its body starts, length of its body)."""
    position = _RIFF_HEADER
    while position + 8 <= end:
        name, length = data[position : position + 4], _little(data[position + 4 : position + 8])
        if position + 8 + length > end:
            truncated(f"chunk {name!r} needs {position + 8 + length} bytes, the file ends at {end}")
        yield name, position + 8, length
        position += 8 + length + (length & 1)


def _bitstream_size(name: bytes, head: bytes) -> tuple[int, int]:
    """Width and height from the first bytes of a lossy or lossless image."""
    if name == b"VP8 ":
        if head[3:6] != b"\x9d\x01\x2a":
            corrupt("no start code in its image data")
        return _little(head[6:8]) & 0x3FFF, _little(head[8:10]) & 0x3FFF
    if head[:1] != b"\x2f":
        corrupt("no start code in its image data")
    bits = _little(head[1:5])
    return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
