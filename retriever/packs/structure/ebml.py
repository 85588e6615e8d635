"""The outermost elements of a Matroska/WebM file (RFC 8794)."""

from retriever.packs.structure.header import corrupt, truncated

_SEGMENT = 0x18538067


def check_whole(data: bytes) -> None:
    """Check that the segment a WebM file announces is all there.

    A segment of unknown length (live recordings) cannot be checked and passes.

    Raises:
        BadImage: ``truncated`` or ``corrupt``.
    """
    position = 0
    while position < len(data):
        name, position, _ = _number(data, position, keep_marker=True)
        length, position, unknown = _number(data, position, keep_marker=False)
        if unknown:
            return
        if position + length > len(data):
            truncated(f"announces {position + length} bytes, the file has {len(data)}")
        if name == _SEGMENT:
            return
        position += length
    corrupt("no segment in it")


def _number(data: bytes, position: int, keep_marker: bool) -> tuple[int, int, bool]:
    """A variable-length integer: its value, the position after it, and whether all its value bits are set."""
    if position >= len(data):
        truncated(f"ends at byte {len(data)}, inside its header")
    width = 9 - data[position].bit_length()
    if width > 8 or position + width > len(data):
        corrupt(f"no element at byte {position}")
    value = int.from_bytes(data[position : position + width])
    bare = value & ((1 << 7 * width) - 1)
    return (value if keep_marker else bare), position + width, bare == (1 << 7 * width) - 1
