"""PNG and APNG chunks (W3C PNG, third edition, sections 5 and 11)."""

from collections.abc import Iterator
from fractions import Fraction
from zlib import crc32

from retriever.packs.structure.header import Header, corrupt, truncated

_SIGNATURE_BYTES = 8
_FRAME_CONTROL_BYTES = 26
_WANTED = (b"IHDR", b"acTL", b"fcTL")


def walk_png(data: bytes) -> Header:
    """Follow the chunks of a PNG to its end; every checksum and the promised number of frames are checked.

    Raises:
        BadImage: ``truncated`` or ``corrupt``.
    """
    width = height = frames = seen_frames = 0
    duration = Fraction(0)
    seen_data = False
    first_is_default = False
    for name, body in _chunks(data):
        if name == b"IHDR":
            width, height = int.from_bytes(body[:4]), int.from_bytes(body[4:8])
        elif name == b"acTL" and not seen_data and len(body) == 8:
            frames = int.from_bytes(body[:4])
            if not frames:
                corrupt("an animation of 0 frames")
        elif name == b"fcTL" and frames:
            if len(body) != _FRAME_CONTROL_BYTES:
                corrupt(f"a frame control chunk of {len(body)} bytes; expected {_FRAME_CONTROL_BYTES}")
            seen_frames += 1
            first_is_default = first_is_default or not seen_data
            duration += Fraction(int.from_bytes(body[20:22]), int.from_bytes(body[22:24]) or 100)
        elif name == b"IDAT":
            seen_data = True
    if not width or not height:
        corrupt(f"the header says {width} x {height} pixels")
    if not seen_data:
        corrupt("no image data")
    if not frames:
        return Header(width, height)
    if seen_frames != frames:
        corrupt(f"{seen_frames} frames where the header says {frames}")
    return Header(width, height, frames, round(duration * 1000), 0 if first_is_default else 1)


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield (name, body) up to and with IEND; the body only of the chunks that are looked into."""
    position, view = _SIGNATURE_BYTES, memoryview(data)
    first = True
    while True:
        if position + 12 > len(data):
            truncated(f"ends at byte {len(data)} without its closing chunk")
        length, name = int.from_bytes(view[position : position + 4]), bytes(view[position + 4 : position + 8])
        end = position + 12 + length
        if first and (name != b"IHDR" or length != 13):
            corrupt("does not begin with a header chunk")
        if not name.isalpha():
            corrupt(f"no chunk name at byte {position + 4}")
        if end > len(data):
            truncated(f"chunk {name.decode()} needs {end} bytes, the file has {len(data)}")
        if crc32(view[position + 4 : end - 4]) != int.from_bytes(view[end - 4 : end]):
            corrupt(f"wrong checksum of chunk {name.decode()} at byte {position}")
        yield name, bytes(view[position + 8 : end - 4]) if name in _WANTED else b""
        if name == b"IEND":
            return
        first, position = False, end
