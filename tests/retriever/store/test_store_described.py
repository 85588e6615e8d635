"""Merging what OCR and models wrote with what the pack says."""

from typing import Any

import pytest

from retriever.store.described import collect, is_described, merge
from retriever.types import Attributes, Sticker

STICKER = Sticker("a", "p", "h1", "/a")


def said(engine: str = "llm", sha256: str = "h1", **fields: Any) -> dict[str, Any]:
    single = {key: fields.pop(key) for key in ("description", "emotion", "intention") if key in fields}
    return {"sha256": sha256, "engine": engine, "attributes": fields, **single}


def test_later_rows_win_field_by_field_and_empty_ones_do_not() -> None:
    rows = [said(gesture="waves", verbal="hi"), said(gesture="", verbal="hello"), said(posture="sits")]
    assert collect(rows) == {"h1": {"gesture": "waves", "verbal": "hello", "posture": "sits"}}


@pytest.mark.parametrize("order", [1, -1])
def test_a_model_beats_ocr_whichever_came_later(order: int) -> None:
    rows = [said("ocr", verbal="h3ll0"), said("llm", verbal="hello")][::order]
    assert collect(rows)["h1"]["verbal"] == "hello"


def test_ocr_stays_where_no_model_read_words() -> None:
    assert collect([said("llm", verbal=""), said("ocr", verbal="hi")])["h1"]["verbal"] == "hi"


def test_images_do_not_mix() -> None:
    found = collect([said(gesture="a"), said(sha256="h2", gesture="b")])
    assert found == {"h1": {"gesture": "a"}, "h2": {"gesture": "b"}}


def test_the_pack_has_the_last_word() -> None:
    sticker = Sticker("a", "p", "h1", "/a", emotion="fear", attributes=Attributes(gesture="own"))
    described = {"gesture": "other", "posture": "sits", "emotion": "happiness", "intention": "joy",
                 "description": "a cat"}  # fmt: skip
    merged = merge(sticker, described)
    assert merged.attributes == Attributes(gesture="own", posture="sits")
    assert (merged.emotion, merged.intention, merged.description) == ("fear", "joy", "a cat")
    assert sticker.attributes == Attributes(gesture="own")


def test_nothing_described_changes_nothing() -> None:
    assert merge(STICKER, {}) == STICKER
    assert merge(STICKER, {"gesture": ""}) == STICKER


@pytest.mark.parametrize(
    ("row", "fits"),
    [
        (said(gesture="x"), True),
        ({"sha256": "h"}, True),
        (said(gesture=None), True),
        ({}, False),
        ({"sha256": 3}, False),
        ({"sha256": "h", "attributes": ["x"]}, False),
        ({"sha256": "h", "attributes": {"gesture": ["x"]}}, False),
        ({"sha256": "h", "description": 3}, False),
    ],
)
def test_what_is_a_row(row: dict[str, Any], fits: bool) -> None:
    assert is_described(row) is fits
