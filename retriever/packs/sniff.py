"""What a file is, from its bytes; its name is never asked."""

import re
import zlib
from typing import Literal, get_args

Kind = Literal[
    "png", "apng", "jpeg", "webp", "gif", "tgs", "webm",
    "zip", "avif", "heic", "bmp", "tiff", "ico", "psd", "jxl", "svg", "mp4", "pdf", "gzip", "rar", "7z",
    "html", "text", "empty", "unknown",
]  # fmt: skip
"""The first seven are read by `retriever.packs.decode`; the rest are named to be refused helpfully."""

READABLE: frozenset[str] = frozenset(get_args(Kind)[:7])
REFUSED_IMAGES: frozenset[str] = frozenset({"avif", "heic", "bmp", "tiff", "ico", "psd", "jxl", "svg", "mp4"})

SNIFF_BYTES = 4096
"""How much of a file's beginning `sniff` needs to tell an image from anything else (apng may need more)."""

_PNG = b"\x89PNG\r\n\x1a\n"
_MAGIC: tuple[tuple[bytes, Kind], ...] = (
    (b"\xff\xd8\xff", "jpeg"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"II*\x00", "tiff"),
    (b"MM\x00*", "tiff"),
    (b"\x00\x00\x01\x00", "ico"),
    (b"8BPS", "psd"),
    (b"\xff\x0a", "jxl"),
    (b"\x00\x00\x00\x0cJXL ", "jxl"),
    (b"%PDF-", "pdf"),
    (b"Rar!\x1a\x07", "rar"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
)
_BRANDS: dict[bytes, Kind] = {b"avif": "avif", b"avis": "avif"}
_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_HTML = re.compile(rb"<(!doctype\s+html|html|head|body|script|title|p|div)[\s>]", re.IGNORECASE)
_SVG = re.compile(rb"<(svg|!doctype\s+svg)[\s>]", re.IGNORECASE)
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")


def sniff(data: bytes) -> Kind:
    """The kind of a file's bytes.

    Args:
        data: the whole file, or at least its first `SNIFF_BYTES`; an apng whose animation control chunk
            lies beyond the given bytes is called a png.
    """
    if not data:
        return "empty"
    if data.startswith(_PNG):
        return "apng" if _has_animation_control(data) else "png"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    if data.startswith(b"\x1a\x45\xdf\xa3"):
        return "webm"
    if data.startswith(b"\x1f\x8b"):
        return "tgs" if _gunzip_start(data[:SNIFF_BYTES]).lstrip().startswith(b"{") else "gzip"
    if data[4:8] == b"ftyp":
        brand = data[8:12]
        return _BRANDS.get(brand, "heic" if brand in _HEIC_BRANDS else "mp4")
    if data.startswith(b"BM") and data[6:10] == bytes(4):
        return "bmp"
    for magic, kind in _MAGIC:
        if data.startswith(magic):
            return kind
    return _sniff_text(data[:SNIFF_BYTES])


def _has_animation_control(data: bytes) -> bool:
    """True when an ``acTL`` chunk stands before the first ``IDAT``, which makes a PNG an APNG."""
    position = len(_PNG)
    while position + 8 <= len(data):
        length, name = int.from_bytes(data[position : position + 4]), data[position + 4 : position + 8]
        if name == b"acTL":
            return True
        if name in (b"IDAT", b"IEND"):
            return False
        position += 12 + length
    return False


def _gunzip_start(data: bytes) -> bytes:
    try:
        return zlib.decompressobj(wbits=31).decompress(data, 256)
    except zlib.error:
        return b""


def _sniff_text(head: bytes) -> Kind:
    """html, svg or text when the bytes read as text; otherwise unknown."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "text"
    if _CONTROL.search(head):
        return "unknown"
    if _SVG.search(head):
        return "svg"
    if _HTML.search(head):
        return "html"
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 3:  # more than a character cut by the end of `head`
            return "unknown"
    return "text"
