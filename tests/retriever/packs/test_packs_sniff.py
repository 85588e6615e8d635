import gzip

import packs_samples as make
import pytest

from retriever.packs.sniff import SNIFF_BYTES, sniff


@pytest.mark.parametrize("name", make.samples())
def test_every_readable_kind_is_told_from_its_bytes(name: str) -> None:
    assert sniff(make.samples()[name]) == name.split()[0]


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", "empty"),
        (b"x", "text"),
        ("今天".encode(), "text"),
        (b"<!DOCTYPE html><html><body>404</body></html>", "html"),
        (b"\n  <HTML lang=en>", "html"),
        (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"></svg>', "svg"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "heic"),
        (b"\0\0\0\x18ftypavif\0\0\0\0", "avif"),
        (b"\0\0\0\x18ftypisom\0\0\0\0", "mp4"),
        (b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0", "bmp"),
        (b"BMW is a car maker", "text"),
        (b"PK\x03\x04rest", "zip"),
        (b"%PDF-1.7", "pdf"),
        (gzip.compress(b"words"), "gzip"),
        (b"\x00\x01\x02\x03", "unknown"),
        (b"\xff\xfeh\0i\0", "text"),
    ],
)
def test_what_is_commonly_wrong_is_named(data: bytes, kind: str) -> None:
    assert sniff(data) == kind


def test_a_character_cut_by_the_window_is_still_text() -> None:
    assert sniff(("a" * (SNIFF_BYTES - 1) + "天").encode()) == "text"


def test_animation_control_after_the_image_data_does_not_make_an_apng() -> None:
    still = make.saved("PNG")
    end = still.rindex(b"IEND") - 4
    assert sniff(still[:end] + make.chunk(b"acTL", bytes(8)) + still[end:]) == "png"
