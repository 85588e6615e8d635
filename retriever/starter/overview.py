"""The picture of the starter pack in the documentation: eight stickers of every character.

``python -m retriever.starter.overview docs/images/starter-pack.png``
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

from retriever.starter import STARTER_PACK
from retriever.starter.pack_sheet import pack_sheet
from retriever.types import Sticker

__all__ = ["overview"]

SHOWN = {
    "momo": "hello love-you haha good-night in-the-box party shy smug",
    "bobo": "bear-hug happy-birthday facepalm dance popcorn idea under-cloud running-late",
    "gua": "morning salute rain-alone cool rage dizzy good-luck joy-tears",
    "pippo": "got-it victory fish-love detective i-surrender sulk penguin-run horror",
    "bao": "hot-hello star-eyes giggle steaming snooze bawl king-bun new-year",
}


def overview(path: Path) -> None:
    """Write the sheet to `path`, eight columns wide, in 256 colours."""
    with (STARTER_PACK / "stickers.jsonl").open(encoding="utf-8") as file:
        rows = {row["id"]: row for row in map(json.loads, file)}
    chosen = [rows[f"{pack}/{slug}"] for pack, slugs in SHOWN.items() for slug in slugs.split()]
    pack_sheet([_sticker(row) for row in chosen], path, columns=8, tile=128, colours=256)


def _sticker(row: dict[str, object]) -> Sticker:
    path = STARTER_PACK / str(row["image"])
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    name = row["name"]
    return Sticker(
        str(row["id"]), str(row["pack"]), digest, str(path), name=name if isinstance(name, dict) else {}
    )


if __name__ == "__main__":
    overview(Path(sys.argv[1]))
