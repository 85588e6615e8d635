"""JPEG segments (ITU-T T.81, annex B)."""

import re

from retriever.packs.structure.header import Header, corrupt, truncated

_MAX_SCANS = 100
_SCAN_END = re.compile(
    rb"\xff[^\x00\xff\xd0-\xd7]", re.DOTALL
)  # restarts and stuffed zeros belong to the scan
_START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_START_OF_SCAN, _END_OF_IMAGE, _FILL, _TEMPORARY = 0xDA, 0xD9, 0xFF, 0x01
_FIRST_LEGAL = 0xC0


def walk_jpeg(data: bytes) -> Header:
    """Follow the segments of a JPEG to its end-of-image marker.

    The decoder repairs damaged scans without a word, so what can be seen from outside is checked here: a
    marker that cannot stand there, a segment beyond the end, more scans than any encoder writes (each costs a
    pass over the whole image).

    Raises:
        BadImage: ``truncated`` or ``corrupt``.
    """
    size: tuple[int, int] | None = None
    scans, position = 0, 2
    while True:
        if position + 2 > len(data):
            truncated(f"ends at byte {len(data)} without its end marker")
        if data[position] != 0xFF:
            corrupt(f"no marker at byte {position}")
        marker = data[position + 1]
        if marker == _FILL:
            position += 1
            continue
        if marker == _END_OF_IMAGE:
            break
        if marker < _FIRST_LEGAL:
            corrupt(f"marker {marker:#04x} at byte {position} is not one of JPEG's")
        end = position + 2 + int.from_bytes(data[position + 2 : position + 4])
        if end > len(data):
            truncated(f"the segment at byte {position} needs {end} bytes, the file has {len(data)}")
        if marker in _START_OF_FRAME and size is None:
            size = (
                int.from_bytes(data[position + 7 : position + 9]),
                int.from_bytes(data[position + 5 : position + 7]),
            )
        if marker == _START_OF_SCAN:
            scans += 1
            found = _SCAN_END.search(data, end)
            if found is None:
                truncated(f"ends at byte {len(data)} inside its image data")
            end = found.start()
        if scans > _MAX_SCANS:
            corrupt(f"more than {_MAX_SCANS} scans")
        position = end
    if size is None or not scans:
        corrupt("no image in it")
    if not all(size):
        corrupt(f"the header says {size[0]} x {size[1]} pixels")
    return Header(*size)
