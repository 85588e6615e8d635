"""The words for why something in a pack cannot be used; made for counting, so they never change meaning."""

from collections.abc import Mapping
from types import MappingProxyType

MEANINGS: Mapping[str, str] = MappingProxyType(
    {
        "empty": "the file has no bytes",
        "too_large_file": "more bytes than Limits.max_file_bytes (or a tgs that unpacks to too many)",
        "too_many_pixels": "a frame, or all frames together, would have more pixels than Limits allows",
        "too_many_frames": "more frames than Limits.max_frames",
        "truncated": "the file ends before its own structure says it should",
        "corrupt": "the file breaks its format's rules, or lies about its size, checksum or contents",
        "not_an_image": "something else under an image's name: a web page, text, a folder, a device",
        "unsupported_kind": "an image or archive of a kind that is not read here (svg, heic, avif, bmp, ...)",
        "unreadable": "the system refuses to read it: permissions, a loop of links, an I/O error",
        "missing_file": "a row or a link names a file that is not there",
        "needs_extra": "readable once an optional dependency is installed; the detail gives the line",
        "encrypted": "an archive member behind a password",
        "unsafe_path": "a path or link that leaves the pack",
        "bad_name": "a file name that is not valid Unicode and so cannot be an id",
        "bad_row": "a line of stickers.jsonl that is not what the format asks for",
        "duplicate_id": "the id was already taken by an earlier sticker of the same pack source",
    }
)
"""Reason -> what it means."""

REASONS: tuple[str, ...] = tuple(MEANINGS)
"""Every reason a `retriever.errors.BadImage` or a `retriever.packs.Quarantined` may carry."""
