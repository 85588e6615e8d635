"""File names as ids: one spelling each, printable, and never hidden clutter."""

import re
from pathlib import PurePosixPath
from unicodedata import normalize

from retriever.errors import BadImage

IMAGE_SUFFIXES = frozenset(
    f".{suffix}"
    for kinds in (
        ("png", "apng", "jpg", "jpeg", "jpe", "jfif", "webp", "gif", "tgs", "webm"),  # read
        ("bmp", "heic", "heif", "avif", "svg", "tif", "tiff", "ico", "jxl", "psd", "mp4"),  # refused by kind
    )
    for suffix in kinds
)
"""Names that promise an image: such a file is a sticker or a problem, never passed over."""

_CLUTTER = frozenset({"__macosx", "thumbs.db", "desktop.ini", "$recycle.bin"})
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_CJK = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
_WORD = re.compile(r"[^\W\d_]+")
_HEX = re.compile(r"[0-9a-f]+", re.IGNORECASE)
_MEANINGLESS = frozenset(
    {"img", "image", "photo", "pic", "picture", "sticker", "emoji", "frame", "file", "dsc"}
)


def is_clutter(name: str) -> bool:
    """True for what systems leave behind in folders and zips: hidden files, ``__MACOSX``, ``Thumbs.db``."""
    return name.startswith(".") or name.lower() in _CLUTTER


def clean_name(raw: str) -> str:
    """`raw` in Unicode's composed form (NFC), control characters such as a newline as underscores.

    Raises:
        BadImage: ``bad_name``: not valid Unicode, so it could not be written to any file of record.
    """
    try:
        raw.encode("utf-8")
    except UnicodeEncodeError as error:
        shown = raw.encode("utf-8", "backslashreplace").decode()
        raise BadImage("bad_name", f"the name {shown!r} is not valid UTF-8; rename the file") from error
    return _CONTROL.sub("_", normalize("NFC", raw))


def suffix_of(name: str) -> str:
    """The lower-case suffix of a posix path, with its dot; empty when it has none."""
    return PurePosixPath(name).suffix.lower()


def language_of(text: str) -> str:
    """``zh`` when there is a Han character in `text`, else ``en``: the two languages annotations come in."""
    return "zh" if _CJK.search(text) else "en"


def words_of_stem(name: str) -> str:
    """What a file's name says: ``cats/happy_wave-2.png`` -> ``happy wave``; hashes say nothing."""
    words = _WORD.findall(PurePosixPath(name).stem)
    if any(_CJK.search(word) for word in words):
        return " ".join(words)
    telling = [word for word in words if len(word) > 2 and not (_HEX.fullmatch(word) and len(words) > 1)]
    telling = [word for word in telling if word.lower() not in _MEANINGLESS]
    return " ".join(telling)
