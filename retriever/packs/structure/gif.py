"""GIF blocks (GIF89a specification, sections 17 to 27)."""

from retriever.packs.structure.header import Header, corrupt, truncated

_EXTENSION, _IMAGE, _TRAILER = 0x21, 0x2C, 0x3B
_GRAPHIC_CONTROL = 0xF9
_LOGICAL_SCREEN_END = 13


def walk_gif(data: bytes, max_frames: int) -> Header:
    """Follow the blocks of a GIF to its trailer and count its images.

    The canvas is the logical screen, widened where an image reaches beyond it (decoders widen it too, so a
    small screen with one huge image would otherwise slip past a size check). Counting stops one past
    `max_frames`.

    Raises:
        BadImage: ``truncated`` (no trailer) or ``corrupt``.
    """
    if len(data) < _LOGICAL_SCREEN_END:
        truncated(f"ends at byte {len(data)}, inside its header")
    width, height = int.from_bytes(data[6:8], "little"), int.from_bytes(data[8:10], "little")
    position = _LOGICAL_SCREEN_END + _palette_bytes(data[10])
    frames = duration = 0
    while frames <= max_frames:
        block = _byte(data, position)
        if block == _TRAILER:
            break
        if block == _EXTENSION:
            if _byte(data, position + 1) == _GRAPHIC_CONTROL and _byte(data, position + 2) >= 4:
                _byte(data, position + 5)
                duration += int.from_bytes(data[position + 4 : position + 6], "little") * 10
            position = _skip_sub_blocks(data, position + 2)
        elif block == _IMAGE:
            flags = _byte(data, position + 9)
            left, top, w, h = (
                int.from_bytes(data[at : at + 2], "little") for at in range(position + 1, position + 9, 2)
            )
            width, height = max(width, left + w), max(height, top + h)
            frames += 1
            position = _skip_sub_blocks(data, position + 11 + _palette_bytes(flags))
        elif block == 0:  # a stray terminator, which some encoders leave behind
            position += 1
        else:
            corrupt(f"byte {position} is {block:#04x}, which begins no block")
    if not frames:
        corrupt("no image in it")
    if not width or not height:
        corrupt(f"the header says {width} x {height} pixels")
    return Header(width, height, frames, duration if frames > 1 else 0)


def _palette_bytes(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _byte(data: bytes, position: int) -> int:
    if position >= len(data):
        truncated(f"ends at byte {len(data)} without its trailer")
    return data[position]


def _skip_sub_blocks(data: bytes, position: int) -> int:
    """The position after a run of length-prefixed blocks, which ends with a length of 0."""
    while size := _byte(data, position):
        position += 1 + size
    return position + 1
