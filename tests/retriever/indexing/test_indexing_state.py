"""What is a row of the stickers journal."""

from typing import Any

import pytest

from retriever.indexing.scan import is_quarantine_row
from retriever.indexing.state import drop_row, is_state_row


@pytest.mark.parametrize(
    "row",
    [
        {},
        {"op": "put"},
        {"op": "put", "source": "s", "id": "a"},
        {"op": "move", "source": "s", "id": "a"},
        {"op": ["put"], "source": "s", "id": "a"},
        {"op": "drop", "id": "a"},
        {"op": "drop", "source": "s", "id": 1},
    ],
)
def test_what_is_none(row: dict[str, Any]) -> None:
    assert not is_state_row(row)


def test_what_is_one() -> None:
    assert is_state_row(drop_row("s", "a"))


def test_quarantine_rows() -> None:
    row = {"source": "s", "id": "a", "origin": "o", "reason": "empty", "detail": ""}
    assert is_quarantine_row(row)
    assert not any(is_quarantine_row({**row, key: None}) for key in row)
